import { PATIENT_MS, type ScheduleWorld } from './schedule-world.ts';
import type { Guest, GuestTerms, Wish } from './guest.ts';

/** One step of a schedule: what is done, and two numbers that say to whom and how. */
export type Step = readonly [deed: keyof typeof DEEDS, who: number, how: number];

type Deed = (world: ScheduleWorld, who: number, how: number) => void | Promise<void>;

const asks =
  (wish: Wish): Deed =>
  (world, who, how) => {
    const of = wish === 'part' ? pick(holdersOf(world, 'session', 'lent session'), who) : undefined;
    if (wish === 'part' && of === undefined) return;
    world.ask(termsOf(wish, who, how, of));
  };

/** What is done to a database. */
export const DEEDS = {
  session: asks('session'),
  lent: asks('lent session'),
  read: asks('read'),
  transaction: asks('transaction'),
  part: asks('part'),
  use: (world, who) => {
    const guest = pick(
      world.guests.filter(({ handle }) => handle !== undefined),
      who,
    );
    if (guest !== undefined) world.use(guest).catch(() => undefined);
  },
  leave: (world, who, how) => {
    const guest = pick(holdersOf(world), who);
    if (guest !== undefined) world.leave(guest, how % 3 === 0 ? 'throws' : 'returns');
  },
  forget: (world, who) => {
    const guest = pick(
      holdersOf(world, 'session').filter(({ heldUntil }) => heldUntil !== Infinity),
      who,
    );
    if (guest !== undefined) guest.isForgetful = true;
  },
  abort: (world, who) => {
    const guest = pick(
      world.guests.filter(
        ({ state, terms, isAborted }) => state !== 'over' && terms.controller !== undefined && !isAborted,
      ),
      who,
    );
    if (guest !== undefined) world.abort(guest);
  },
  flush: (world, who) => {
    world.flush(pick(['idle', 'all', 'leaked', 'graceful'] as const, who) ?? 'idle');
  },
  suspend: (world) => {
    world.suspend();
  },
  resume: (world) => {
    world.resume();
  },
  resize: (world, who, how) => {
    world.resize(1 + (who % 3), how % 2);
  },
  budgets: (world, who) => {
    world.setBudgets(
      pick([{}, { a: { reserved: 1 } }, { a: { max: 1 }, b: { weight: 3 } }, { b: { reserved: 2 } }], who) ?? {},
    );
  },
  slow: (world, who, how) => {
    const step = pick(
      ['connect', 'statement', 'begin', 'commit', 'rollback', 'reset', 'close', 'validate'] as const,
      who,
    );
    world.slow(step ?? 'connect', pick([0, 10, 60], how) ?? 0);
  },
  fail: (world, who, how) => {
    const step = pick(
      ['connect', 'connect', 'connect', 'statement', 'begin', 'commit', 'rollback', 'reset'] as const,
      who,
    );
    world.fail(step ?? 'connect', 1 + (how % 3), how > 3);
  },
  break: (world) => {
    world.breakAll();
  },
  pass: (world, who) => world.tick(pick([1, 15, 50, 110, 200, 700], who) ?? 1),
  close: (world, who) => {
    world.close(pick([0, 30, 150], who) ?? 0);
  },
} satisfies Readonly<Record<string, Deed>>;

/** How often each comes. */
const WEIGHTS: Readonly<Partial<Record<keyof typeof DEEDS, number>>> = {
  session: 3,
  lent: 2,
  read: 2,
  transaction: 2,
  part: 2,
  use: 2,
  leave: 4,
  abort: 2,
  resume: 2,
  flush: 2,
  slow: 2,
  fail: 2,
  pass: 5,
};

/** Each as often as it is to come. */
export const CHOICES = Object.keys(DEEDS).flatMap((name) => {
  const deed = name as keyof typeof DEEDS;
  return Array.from({ length: WEIGHTS[deed] ?? 1 }, () => deed);
});

/** Takes one step, and compares. */
export async function take(world: ScheduleWorld, [deed, who, how]: Step): Promise<void> {
  const act: Deed = DEEDS[deed];
  await act(world, who, how);
  await world.verify();
}

function termsOf(wish: Wish, who: number, how: number, of: Guest | undefined): GuestTerms {
  return {
    wish,
    timeoutMs: pick([PATIENT_MS, 20, 100, PATIENT_MS], who) ?? PATIENT_MS,
    // What is over the limit of a read is looked for once a second only, which is left to other tests.
    limitMs: wish === 'read' ? Infinity : (pick([Infinity, 40, 150], how) ?? Infinity),
    idleLimitMs: how > 5 ? 30 : PATIENT_MS,
    budget:
      wish === 'transaction' || wish === 'part' ? undefined : [undefined, undefined, undefined, 'a', 'b'][how % 5],
    controller: wish === 'part' || who < 4 ? undefined : new AbortController(),
    ...(of && { of }),
  };
}

function holdersOf(world: ScheduleWorld, ...wishes: readonly Wish[]): readonly Guest[] {
  return world.guests.filter(
    ({ state, isForgetful, terms: { wish } }) =>
      state === 'holding' && !isForgetful && (wishes.length === 0 || wishes.includes(wish)),
  );
}

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items[index % items.length];
}
