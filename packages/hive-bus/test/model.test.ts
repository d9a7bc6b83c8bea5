import { createConsumer, createRelay, deadEvents, publish, type Consumer, type Relay } from '@hive/hive-bus';
import { VirtualClock } from '@hive/shared-db/testing';
import { array, assert, asyncProperty, constantFrom, nat, oneof, record, type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FaultyDatabase } from './support/faulty-database.ts';
import { platform, type Platform } from './support/platform.ts';
import { replay } from './support/replay.ts';

const TOPICS = ['a', 'b'];

type Step =
  | { readonly do: 'publish'; readonly topic: string; readonly commit: boolean }
  | { readonly do: 'fail'; readonly where: 'outbox' | 'bus'; readonly who: number; readonly fault: 'before' | 'after' }
  | { readonly do: 'reject'; readonly topic: string }
  | { readonly do: 'crash' | 'stop'; readonly who: number }
  | { readonly do: 'pass'; readonly ms: number };

const who = nat(1);
const step: Arbitrary<Step> = oneof(
  {
    weight: 4,
    arbitrary: record({
      do: constantFrom('publish' as const),
      topic: constantFrom(...TOPICS),
      commit: constantFrom(true, true, true, false),
    }),
  },
  { weight: 4, arbitrary: record({ do: constantFrom('pass' as const), ms: constantFrom(0, 1, 50, 100, 700, 6_000) }) },
  {
    weight: 2,
    arbitrary: record({
      do: constantFrom('fail' as const),
      where: constantFrom('outbox' as const, 'bus' as const),
      who,
      fault: constantFrom('before' as const, 'after' as const),
    }),
  },
  { weight: 2, arbitrary: record({ do: constantFrom('reject' as const), topic: constantFrom(...TOPICS) }) },
  { weight: 2, arbitrary: record({ do: constantFrom('crash' as const, 'stop' as const), who }) },
);

/** What would be a process: a relay and a consumer over databases that can fail and die. */
class Member {
  readonly #hive: Platform;
  readonly #clock: VirtualClock;
  readonly #world: World;
  outbox: FaultyDatabase;
  bus: FaultyDatabase;
  #relay: Relay;
  #consumer: Consumer;

  constructor(hive: Platform, clock: VirtualClock, world: World) {
    this.#hive = hive;
    this.#clock = clock;
    this.#world = world;
    [this.outbox, this.bus, this.#relay, this.#consumer] = this.#born();
  }

  #born(): [FaultyDatabase, FaultyDatabase, Relay, Consumer] {
    const outbox = new FaultyDatabase(this.#hive.app);
    const bus = new FaultyDatabase(this.#hive.bus);
    const clock = this.#clock;
    const relay = createRelay({ outbox, bus, source: 'app', clock });
    const consumer = createConsumer({
      bus,
      clock,
      consumer: 'store',
      topics: TOPICS,
      maxAttempts: 3,
      firstRetryMs: 100,
      longestRetryMs: 300,
      handle: (event) => this.#world.handle(event.topic, event.payload as number, this.#clock),
    });
    relay.start();
    consumer.start();
    return [outbox, bus, relay, consumer];
  }

  /** Nothing is tidied up; another one takes its place. */
  crash(): void {
    this.outbox.kill();
    this.bus.kill();
    // They cannot do anything any more; what is left of them must not go on in this process.
    void this.#relay.stop({ graceMs: 0 });
    void this.#consumer.stop({ graceMs: 0 });
    [this.outbox, this.bus, this.#relay, this.#consumer] = this.#born();
  }

  async restart(): Promise<void> {
    await this.stop();
    [this.outbox, this.bus, this.#relay, this.#consumer] = this.#born();
  }

  async stop(): Promise<void> {
    const stopped = Promise.all([this.#relay.stop(), this.#consumer.stop()]);
    await this.#clock.advance(6_000);
    await stopped;
  }
}

/** What really happened, to compare with. */
class World {
  readonly published = new Map<string, number[]>(TOPICS.map((topic) => [topic, []]));
  readonly handled = new Map<string, number[]>(TOPICS.map((topic) => [topic, []]));
  readonly #rejecting = new Map<string, number>();

  reject(topic: string): void {
    this.#rejecting.set(topic, (this.#rejecting.get(topic) ?? 0) + 1);
  }

  /** Takes a while, so that crashes and stops happen in the middle of it. */
  async handle(topic: string, payload: number, clock: VirtualClock): Promise<void> {
    await new Promise<void>((resolve) => {
      clock.after(40, resolve);
    });
    const rejections = this.#rejecting.get(topic) ?? 0;
    if (rejections > 0) {
      this.#rejecting.set(topic, rejections - 1);
      throw new Error('rejected');
    }
    this.handled.get(topic)?.push(payload);
  }
}

/** Every committed event, in the order of its topic; repetitions allowed. */
function inOrder(handled: readonly number[]): readonly number[] {
  return handled.filter((payload, index) => handled.indexOf(payload) === index);
}

describe('recovery: events on their way through failures, crashes and restarts', () => {
  it('arrive all, in the order of their topic, unless they are dead', async () => {
    await assert(
      asyncProperty(array(step, { maxLength: 40 }), async (steps) => {
        const clock = new VirtualClock(1_700_000_000_000);
        await using hive = await platform({ clock });
        const world = new World();
        const members = [new Member(hive, clock, world), new Member(hive, clock, world)];
        let next = 0;
        for (const one of steps) {
          switch (one.do) {
            case 'publish':
              await post(hive, world, clock, one.topic, next++, one.commit);
              break;
            case 'fail':
              members[one.who]?.[one.where].fail(one.fault);
              break;
            case 'reject':
              world.reject(one.topic);
              break;
            case 'crash':
              members[one.who]?.crash();
              break;
            case 'stop':
              await members[one.who]?.restart();
              break;
            case 'pass':
              await clock.advance(one.ms);
              break;
          }
        }
        // Long enough for every lease, pause and retry that is left.
        await clock.advance(120_000);
        const dead = (await deadEvents(hive.bus, 'store')).map(({ event }) => event.payload);
        for (const topic of TOPICS) {
          const published = world.published.get(topic) ?? [];
          const handled = inOrder(world.handled.get(topic) ?? []);
          expect(handled.filter((payload) => !dead.includes(payload))).toEqual(
            published.filter((payload) => !dead.includes(payload)),
          );
          expect(handled).toEqual(handled.toSorted((first, second) => first - second));
        }
        const onBus = await hive.bus.read('count', (c) => c.all('SELECT payload FROM events ORDER BY payload + 0'));
        const committed = [...world.published.values()].flat().toSorted((first, second) => first - second);
        expect(onBus).toEqual(committed.map((payload) => ({ payload: String(payload) })));
        expect(await hive.waiting()).toEqual([]);
        for (const member of members) await member.stop();
      }),
      replay({ numRuns: 20 }),
    );
  }, 120_000);
});

async function post(
  hive: Platform,
  world: World,
  clock: VirtualClock,
  topic: string,
  payload: number,
  commit: boolean,
): Promise<void> {
  const posted = hive.app.write('publish', (tx) => {
    publish(tx, { topic, payload }, { clock });
    if (!commit) throw new Error('undone');
  });
  const outcome = await posted.then(
    () => 'committed',
    () => 'undone',
  );
  if (outcome === 'committed') world.published.get(topic)?.push(payload);
}
