import { VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { Claims } from '../../dist/offload/claims.js';
import { Crew } from '../../dist/offload/crew.js';
import { Job } from '../../dist/offload/job.js';
import type { ToReader } from '../../dist/offload/message.js';
import type { Transport, TransportEvents } from '../../dist/offload/transport.js';

/** A thread that does nothing but what the test makes it do. */
interface Puppet {
  readonly claims: Claims;
  readonly events: TransportEvents;
  /** The SQL that it was sent, with the number of the request and its place. */
  readonly sent: { readonly sql: string; readonly request: number; readonly place: number }[];
  /** The numbers of the databases that it was told of, and of those that it was to close. */
  readonly named: number[];
  readonly closed: number[];
  isEnding: boolean;
}

/** A crew of them, in a time that the test moves. */
interface Stage {
  readonly crew: Crew;
  readonly threads: Puppet[];
  readonly clock: VirtualClock;
}

function nothing(): undefined {
  return undefined;
}

function puppets(size: number): Stage {
  const clock = new VirtualClock();
  const threads: Puppet[] = [];
  const start = (events: TransportEvents): Transport => {
    const puppet: Puppet = { claims: Claims.withPlaces(64), events, sent: [], named: [], closed: [], isEnding: false };
    const texts = new Map<number, string>();
    const post = (message: ToReader): void => {
      if (message.kind === 'close') puppet.closed.push(message.database);
      if (message.kind === 'end') puppet.isEnding = true;
      if (message.kind !== 'read') return;
      puppet.named.push(...message.databases.map(({ id }) => id));
      for (const { id, sql } of message.statements) texts.set(id, sql);
      for (let i = 0; i < message.requests.length; i += 4) {
        const [request, place, statement] = message.requests.slice(i, i + 3) as [number, number, number];
        puppet.sent.push({ sql: texts.get(statement) ?? '', request, place });
      }
    };
    threads.push(puppet);
    events.started();
    return { claims: puppet.claims, mortal: false, pid: undefined, post, nextPackage: nothing, kill: nothing };
  };
  return { crew: new Crew({ isolation: 'thread', size, window: 64, start, clock }), threads, clock };
}

const database = { name: 'orders', path: '/orders.db', integers: 'safe', assertSame: () => undefined } as const;

/** Submits a job; what becomes of it. */
function submit({ crew, clock }: Stage, sql: string): Promise<unknown> {
  const order = {
    database,
    label: sql,
    statement: sql,
    sql,
    params: [],
    signal: undefined,
    timeoutMs: 60_000,
    at: clock.now(),
  };
  return new Promise((resolve) => {
    crew.submit(new Job(order, { done: resolve, failed: resolve, refused: resolve }));
  });
}

/** Begins one request, as a thread does that has come to it. */
function begin({ claims, sent }: Puppet, sql: string): void {
  const { request, place } = sent.findLast((one) => one.sql === sql)!;
  claims.begin(place, request);
}

/** Answers one request with one row. */
function answer({ events, claims, sent }: Puppet, sql: string): void {
  const { request, place } = sent.findLast((one) => one.sql === sql)!;
  claims.begin(place, request);
  events.heard({ kind: 'answers', shapes: [{ id: 0, names: ['n'] }], answers: [request, 0, 1, 0.1, 7], blobs: false });
}

async function sentTo({ threads, clock }: Stage, index: number, ...sql: readonly string[]): Promise<void> {
  await clock.settle();
  expect(threads[index]?.sent.map((one) => one.sql)).toEqual(sql);
}

describe('a crew of threads', () => {
  it('replaces one that has ended by itself: who had been begun may try again, who had not is read by the next', async () => {
    const stage = puppets(1);
    const { crew, threads, clock } = stage;
    const [begun, waiting] = [submit(stage, 'begun'), submit(stage, 'waiting')];
    await sentTo(stage, 0, 'begun', 'waiting');
    const [first] = threads[0]!.sent;
    expect(threads[0]!.claims.begin(first!.place, first!.request)).toBe(true);
    threads[0]!.events.gone('out of memory');
    expect(await begun).toMatchObject({ code: 'HIVEDB_E_CONNECTION_LOST', retryable: true, label: 'begun' });
    // After a pause: what ends each time would start threads without end.
    await clock.advance(99);
    expect(threads).toHaveLength(1);
    await clock.advance(1);
    await sentTo(stage, 1, 'waiting');
    answer(threads[1]!, 'waiting');
    expect(await waiting).toEqual([{ n: 7 }]);
    expect(crew.snapshot()).toMatchObject({ live: 1, counters: { crashes: 1, done: 1 } });
  });

  it('takes back what one has not begun that is busy with something long, and gives it to another', async () => {
    const stage = puppets(2);
    const { threads, clock } = stage;
    const [long, short, behind] = ['long', 'short', 'behind'].map((sql) => submit(stage, sql));
    await sentTo(stage, 0, 'long', 'behind');
    await sentTo(stage, 1, 'short');
    const [{ request, place }] = threads[0]!.sent as [Puppet['sent'][number]];
    threads[0]!.claims.begin(place, request);
    answer(threads[1]!, 'short');
    expect(await short).toEqual([{ n: 7 }]);
    await clock.advance(4);
    await sentTo(stage, 1, 'short');
    await clock.advance(1);
    await sentTo(stage, 1, 'short', 'behind');
    const taken = threads[0]!.sent[1]!;
    expect(threads[0]!.claims.begin(taken.place, taken.request)).toBe(false);
    answer(threads[1]!, 'behind');
    answer(threads[0]!, 'long');
    expect(await Promise.all([behind, long])).toEqual([[{ n: 7 }], [{ n: 7 }]]);
  });

  it('closes connections from before an error: who has not begun is read on a new one, who has may try again', async () => {
    const stage = puppets(1);
    const { crew, threads, clock } = stage;
    const [begun, waiting] = [submit(stage, 'begun'), submit(stage, 'waiting')];
    await sentTo(stage, 0, 'begun', 'waiting');
    const [thread] = threads as [Puppet];
    begin(thread, 'begun');
    void crew.renewConnections(database, 0);
    await clock.advance(0);
    expect(await begun).toMatchObject({ code: 'HIVEDB_E_CONNECTION_LOST', retryable: true, label: 'begun' });
    // It is stuck in the statement, and closes its connection when that ends.
    expect(thread.closed).toEqual([1]);
    await sentTo(stage, 1, 'waiting');
    answer(threads[1]!, 'waiting');
    expect(await waiting).toEqual([{ n: 7 }]);
    answer(thread, 'begun');
    thread.events.heard({ kind: 'closed', database: 1 });
    expect(crew.snapshot()).toMatchObject({ stuck: 0, counters: { done: 1, released: 1 } });
  });

  it('opens another connection for who comes while one is closed', async () => {
    const stage = puppets(1);
    const { crew, threads } = stage;
    const first = submit(stage, 'first');
    await sentTo(stage, 0, 'first');
    const [thread] = threads as [Puppet];
    answer(thread, 'first');
    await first;
    const renewed = crew.renewConnections(database, 0);
    const next = submit(stage, 'next');
    await sentTo(stage, 0, 'first', 'next');
    expect([thread.named, thread.closed]).toEqual([[1, 2], [1]]);
    thread.events.heard({ kind: 'closed', database: 1 });
    await renewed;
    answer(thread, 'next');
    expect(await next).toEqual([{ n: 7 }]);
  });

  it('has a stuck thread close its connection to a database that is closed, when its statement ends', async () => {
    const stage = puppets(1);
    const { crew, threads, clock } = stage;
    const stuck = submit(stage, 'stuck');
    await sentTo(stage, 0, 'stuck');
    begin(threads[0]!, 'stuck');
    const closed = crew.closeDatabase(database, 0);
    await clock.advance(0);
    await closed;
    expect(await stuck).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    expect(threads[0]!.closed).toEqual([1]);
    expect(await submit(stage, 'late')).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
  });

  it('tells a caller at his deadline, not before, and ends who has had nothing to do for half a minute', async () => {
    const stage = puppets(2);
    const { crew, threads, clock } = stage;
    const [late, quick] = [submit(stage, 'late'), submit(stage, 'quick')];
    await sentTo(stage, 0, 'late');
    begin(threads[0]!, 'late');
    answer(threads[1]!, 'quick');
    expect(await quick).toEqual([{ n: 7 }]);
    await clock.advance(29_999);
    expect(threads[1]!.isEnding).toBe(false);
    await clock.advance(1);
    expect(threads[1]!.isEnding).toBe(true);
    await clock.advance(29_999);
    expect(crew.snapshot()).toMatchObject({ stuck: 0, running: [{ label: 'late', runningMs: 59_999 }] });
    await clock.advance(1);
    expect(await late).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'late' });
    expect(crew.snapshot()).toMatchObject({ stuck: 1 });
  });

  it('never has a request begun twice, also where its place has another one by now', () => {
    const claims = Claims.withPlaces(1);
    claims.offer(0, 1);
    expect(claims.takeBack(0, 1)).toBe(true);
    claims.offer(0, 2);
    expect(claims.begin(0, 1)).toBe(false);
    expect(claims.begin(0, 2)).toBe(true);
    expect(claims.takeBack(0, 2)).toBe(false);
    expect(claims.isBegun(0, 2)).toBe(true);
  });

  it('lets the event loop have its turn when it has heard answers for some milliseconds, and forgets none', async () => {
    const stage = puppets(1);
    const { threads, clock } = stage;
    const heard: string[] = [];
    const all = ['first', 'second', 'third'].map(async (sql) => {
      const outcome = await submit(stage, sql);
      heard.push(sql);
      return outcome;
    });
    await sentTo(stage, 0, 'first', 'second', 'third');
    const thread = threads[0]!;
    await clock.advance(5);
    answer(thread, 'first');
    clock.block(5);
    answer(thread, 'second');
    answer(thread, 'third');
    // What it has said before it ended is heard before its end.
    thread.events.gone('out of memory');
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(heard).toEqual(['first']);
    await clock.settle();
    expect(await Promise.all(all)).toEqual([[{ n: 7 }], [{ n: 7 }], [{ n: 7 }]]);
  });
});
