import { Histogram } from '@hive/pool';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_DATABASE_THRESHOLDS,
  DEFAULT_THRESHOLDS,
  judge,
  type DatabaseThresholds,
  type Reason,
} from '@hive/shared-db/health';
import type { DatabaseSnapshot, ServiceSnapshot } from '@hive/shared-db';
import { stepAlarm, type Alarm, type Damping } from '../../dist/health/alarm.js';
import { stepHistory, type HealthHistory } from '../../dist/health/history.js';
import { replay } from '../support/replay.ts';
import { healthyDatabase, healthyService, type DatabaseChanges, TENANTS } from '../support/snapshots.ts';

const OPENED_AT = Date.UTC(2026, 10, 22, 3);

/** A process that looks at itself once a second, in a time that the test moves. */
class Process {
  #history: HealthHistory | undefined;
  #uptimeMs = 0;
  /** Of the wall clock, which may jump. */
  wallMs = OPENED_AT;
  readonly #thresholds: DatabaseThresholds;

  constructor(thresholds: Partial<DatabaseThresholds> = {}) {
    this.#thresholds = { ...DEFAULT_DATABASE_THRESHOLDS, ...thresholds };
  }

  get history(): HealthHistory | undefined {
    return this.#history;
  }

  /** One look after `ms`. */
  look(changes: DatabaseChanges = {}, service: Partial<ServiceSnapshot> = {}, ms = 1_000): void {
    this.pass(ms);
    this.#history = stepHistory(this.#history, this.snapshot(changes, service));
  }

  /** A look a second for so long; the counters may go on. */
  looks(seconds: number, changes: (second: number) => DatabaseChanges = () => ({})): void {
    for (let second = 1; second <= seconds; second++) this.look(changes(second));
  }

  /** Time in which nobody looks. */
  pass(ms: number): void {
    this.#uptimeMs += ms;
    this.wallMs += ms;
  }

  snapshot(changes: DatabaseChanges = {}, service: Partial<ServiceSnapshot> = {}): ServiceSnapshot {
    const trend = this.#history?.databases.get('orders')?.trend;
    const databases: readonly DatabaseSnapshot[] = [
      healthyDatabase({ thresholds: this.#thresholds, trend, ...changes }),
    ];
    return healthyService({
      uptimeMs: this.#uptimeMs,
      takenAt: this.wallMs,
      trend: this.#history?.trend,
      databases,
      ...service,
    });
  }

  reasons(changes: DatabaseChanges = {}, service: Partial<ServiceSnapshot> = {}): readonly Reason[] {
    return judge(this.snapshot(changes, service)).reasons;
  }

  codes(changes: DatabaseChanges = {}, service: Partial<ServiceSnapshot> = {}): readonly string[] {
    return this.reasons(changes, service).map(({ status, code }) => `${status} ${code}`);
  }
}

const FULL: DatabaseChanges = { pool: { size: 4, maxOverflow: 0, leased: 4, waiting: 2 } };
const IDLE: DatabaseChanges = { pool: { leased: 0 } };

const timedOut = (timeouts: number): DatabaseChanges => ({ pool: { counters: { immediate: 99, timeouts } } });

const calls = (calls: number, errors: DatabaseSnapshot['counters']['errors']): DatabaseChanges => ({
  counters: { reads: calls, synchronousReads: 0, writes: 0, transactions: 0, sessions: 0, offloads: 0, errors },
});

const closed = (invalid: number, flushed = 0): DatabaseChanges => {
  const { destroyed } = healthyDatabase().pool.counters;
  return { pool: { size: 4, counters: { created: invalid, destroyed: { ...destroyed, invalid, flushed } } } };
};

const deprecatedUse = (calls: number): Partial<ServiceSnapshot> => ({
  thresholds: { ...DEFAULT_THRESHOLDS, warnWhenDeprecated: true },
  deprecations: [{ code: 'HIVEDB_DEP0001', replacement: 'x', calls, callSites: [] }],
});

function remembered(all: readonly { leased: number; ms: number; timeouts: number }[]): Process {
  const process = new Process();
  let timeouts = 0;
  for (const step of all) {
    timeouts += step.timeouts;
    process.look({ pool: { leased: step.leased, oldestWaitMs: step.ms, counters: { timeouts } } }, {}, step.ms);
  }
  return process;
}

describe('an alarm', () => {
  const damping = { raiseAfterMs: 3_000, dropAfterMs: 5_000, lower: 0.5 };

  /** One letter a second: `!` raised, `?` over and not yet raised, `-` nothing. */
  function course(levels: readonly number[], how: Damping = damping): string {
    let alarm: Alarm | undefined;
    return levels
      .map((level, second) => {
        alarm = stepAlarm(alarm, level, { now: second * 1_000, lookedMs: 1_000 }, how);
        return alarm === undefined ? '-' : alarm.isRaised ? '!' : '?';
      })
      .join('');
  }

  it.each<[string, readonly number[], string, Damping?]>([
    ['is raised when the figure has been over for long enough in a row', [1, 1, 1, 1, 1], '???!!'],
    ['is not for moments, however many', [1, 1, 1, 0.9, 1, 1, 1, 0, 1], '???-???-?'],
    ['is at once where that is how it is damped', [1, 0], '!-', { raiseAfterMs: 0, dropAfterMs: 0, lower: 1 }],
    ['stays between the marks', [1, 1, 1, 1, 0.5, 0.9, 0.7, 0.5, 0.5, 0.5, 0.5], '???!!!!!!!!'],
    ['goes below the lower one, when that has lasted', [1, 1, 1, 1, 0, 0, 0, 0, 0, 0], '???!!!!!--'],
    ['stays where it comes back in time', [1, 1, 1, 1, 0, 0, 0, 0, 0.6, 0, 0, 0, 0, 0], '???!!!!!!!!!!-'],
  ])('%s', (_, levels, expected, how = damping) => {
    expect(course(levels, how)).toBe(expected);
  });

  it('remembers since when it was over, and when last', () => {
    let alarm: Alarm | undefined;
    [0, 1, 1, 1, 1, 0.7].forEach((level, second) => {
      alarm = stepAlarm(alarm, level, { now: second * 1_000, lookedMs: 1_000 }, damping);
    });
    expect(alarm).toMatchObject({ since: 1_000, lastOver: 4_000, isRaised: true });
  });

  it('never flaps: whatever the figure does, it changes once in the time that it is damped by at most', () => {
    const levels = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: 1, maxLength: 200 });
    const dampings = fc.record({
      raiseAfterMs: fc.integer({ min: 0, max: 10 }).map((s) => s * 1_000),
      dropAfterMs: fc.integer({ min: 1, max: 20 }).map((s) => s * 1_000),
      lower: fc.double({ min: 0.1, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(levels, dampings, (all, how) => {
        const raised = course(all, how)
          .split('')
          .map((letter) => letter === '!');
        const changes = raised.flatMap((is, at) => (is === (raised[at - 1] ?? false) ? [] : [at]));
        for (const [index, at] of changes.entries()) {
          const before = changes[index - 1];
          if (before === undefined) continue;
          const least = raised[at] === true ? how.raiseAfterMs : how.dropAfterMs;
          if ((at - before) * 1_000 < least) return false;
        }
        return true;
      }),
      replay(),
    );
  });

  it('is monotone: raised by a figure, it is raised by a worse one', () => {
    const levels = fc.array(
      fc.tuple(fc.double({ min: 0, max: 2, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
      {
        minLength: 1,
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(levels, (all) => {
        const mild = course(all.map(([level]) => level));
        const worse = course(all.map(([level, more]) => level + more));
        return mild.split('').every((letter, at) => letter !== '!' || worse[at] === '!');
      }),
      replay(),
    );
  });

  it('waits only while somebody looks', () => {
    const over = stepAlarm(undefined, 1, { now: 0, lookedMs: 0 }, damping);
    expect(stepAlarm(over, 1, { now: 3_600_000, lookedMs: 2_000 }, damping)?.isRaised).toBe(false);
  });
});

describe('a pool in use', () => {
  it('is not saturated for a moment, and is a warning when it lasts, since when it was', () => {
    const process = new Process();
    process.looks(60);
    process.look(FULL);
    expect(process.codes(FULL)).toEqual([]);
    process.looks(20, () => FULL);
    expect(process.codes(FULL)).toEqual(['warn saturated']);
    const [reason] = process.reasons(FULL);
    const startedAt = OPENED_AT + 61_000;
    // Over the mark when the mean is: a few seconds after the first of them was taken.
    expect(reason?.since).toBeGreaterThan(startedAt);
    expect(reason?.since).toBeLessThan(startedAt + 16_000);
    expect(reason!.since! + reason!.forMs!).toBe(process.wallMs);
    expect(reason?.evidence).toMatch(
      /^\d+(?:\.\d)? % of 4 connections in use over the last quarter of a minute, 4 of them now, 2 callers waiting$/,
    );
  });

  it('fails when it shall, and from the critical share on only', () => {
    const strict = new Process({ failWhenSaturated: true });
    strict.looks(40, () => FULL);
    expect(strict.codes(FULL)).toEqual(['fail saturated']);
    const nearly: DatabaseChanges = { pool: { size: 10, leased: 9 } };
    const lenient = new Process({ failWhenSaturated: true });
    lenient.looks(40, () => nearly);
    expect(lenient.codes(nearly)).toEqual(['warn saturated']);
  });

  it('is well again when it has been for a while, and says meanwhile that it is over', () => {
    const process = new Process();
    process.looks(40, () => FULL);
    process.looks(10, () => IDLE);
    expect(process.reasons(IDLE)).toMatchObject([
      { code: 'saturated', evidence: expect.stringMatching(/, no longer over the mark for [67] s$/) as string },
    ]);
    process.looks(20, () => IDLE);
    expect(process.codes(IDLE)).toEqual([]);
  });

  it('is as much in use after its process stood still as it was before', () => {
    const process = new Process();
    process.looks(60, () => FULL);
    process.look(FULL, {}, 9_000);
    const saturated = process.reasons(FULL).find(({ code }) => code === 'saturated');
    expect(saturated?.evidence).toMatch(/^100 % of 4 connections in use .* 2 callers waiting$/);
  });

  it('does not flap while it is about as much in use as it may be', () => {
    const shares = fc.array(fc.integer({ min: 6, max: 10 }), { minLength: 120, maxLength: 300 });
    fc.assert(
      fc.property(shares, (leased) => {
        const process = new Process();
        const states = leased.map((one) => {
          const changes = { pool: { size: 10, leased: one } };
          process.look(changes);
          return process.codes(changes).join();
        });
        const changes = states.filter((state, at) => state !== (states[at - 1] ?? ''));
        return changes.length <= 1 + states.length / 10;
      }),
      replay({ numRuns: 8 }),
    );
  });
});

describe('callers who wait', () => {
  const waiting: DatabaseChanges = { pool: { waiting: 3, oldestWaitMs: 1_500 } };

  it('are a reason when that lasts, and not because somebody looked at a bad moment', () => {
    const process = new Process();
    process.looks(5);
    process.look(waiting);
    expect(process.codes(waiting)).toEqual([]);
    process.looks(2, () => waiting);
    expect(process.reasons(waiting)).toMatchObject([{ code: 'waiting', since: OPENED_AT + 6_000, forMs: 2_000 }]);
    process.looks(5);
    expect(process.reasons()[0]?.evidence).toBe(
      'callers waited longer than 1 s for a connection, no longer over the mark for 5 s',
    );
    process.looks(5);
    expect(process.codes()).toEqual([]);
  });

  it('for a place among the databases of a pattern are one, too, when that lasts', () => {
    const process = new Process();
    const well = { onDemand: [{ ...TENANTS, waiting: 0, oldestWaitMs: 0 }] };
    const crowded = { onDemand: [TENANTS] };
    for (let second = 0; second < 5; second++) process.look({}, well);
    for (let second = 0; second < 3; second++) process.look({}, crowded);
    expect(process.reasons({}, crowded)).toMatchObject([
      {
        status: 'warn',
        code: 'waiting',
        database: 'tenant-*',
        since: OPENED_AT + 6_000,
        evidence:
          '2 callers waiting for a database to be opened, the oldest for 1.5 s; the 50 that may be open are in use',
      },
    ]);
    // With places to spare it is not for want of them.
    const behind = { onDemand: [{ ...TENANTS, open: 12, inUse: 3 }] };
    process.look({}, behind);
    expect(process.reasons({}, behind)).toMatchObject([
      {
        evidence:
          '2 callers waiting for a database to be opened, the oldest for 1.5 s; 12 of the 50 that may be open are, databases of tenant-* are opened one after the other, and others came first',
        advice: 'ask for fewer at once, or let callers wait longer',
      },
    ]);
    for (let second = 0; second < 12; second++) process.look({}, well);
    expect(process.codes({}, well)).toEqual([]);
  });

  it('in vain are forgotten after a minute, and never while they go on', () => {
    const process = new Process();
    process.look(timedOut(0));
    process.look(timedOut(7));
    expect(process.reasons(timedOut(7))[0]?.evidence).toBe('7 acquisitions timed out in the last minute, 100 % of all');
    process.looks(59, () => timedOut(7));
    expect(process.codes(timedOut(7))).toEqual(['warn timeouts']);
    process.looks(20, () => timedOut(7));
    expect(process.codes(timedOut(7))).toEqual([]);
    const slow = new Process();
    slow.looks(200, (second) => timedOut(second));
    expect(slow.codes(timedOut(200))).toEqual(['warn timeouts']);
  });
});

describe('errors', () => {
  it('are told by kind, by their share, and are forgotten after a minute', () => {
    const process = new Process();
    process.look(calls(0, {}));
    const burst = calls(100, { HIVEDB_E_BUSY_TIMEOUT: 9, HIVEDB_E_SQL: 3, HIVEDB_E_CONSTRAINT: 40 });
    process.looks(5, () => burst);
    const [reason] = process.reasons(burst);
    expect(reason).toMatchObject({ code: 'errors', status: 'warn', since: OPENED_AT + 2_000 });
    expect(reason?.evidence).toBe(
      '12 of 100 calls failed in the last minute (12 %): 9 HIVEDB_E_BUSY_TIMEOUT, 3 HIVEDB_E_SQL',
    );
    process.looks(55, () => burst);
    expect(process.codes(burst)).toEqual(['warn errors']);
    process.looks(25, () => burst);
    expect(process.codes(burst)).toEqual([]);
  });

  it.each([
    ['few', calls(10, { HIVEDB_E_SQL: 4 })],
    ['rare', calls(1_000, { HIVEDB_E_SQL: 40 })],
    ['expected', calls(100, { HIVEDB_E_CONSTRAINT: 90, HIVEDB_E_ABORTED: 10 })],
    ['told by another reason', calls(100, { HIVEDB_E_DISK_FULL: 90, HIVEDB_E_FENCED: 10 })],
  ])('that are %s are no reason', (_, after) => {
    const process = new Process();
    process.look(calls(0, {}));
    process.looks(20, () => after);
    expect(process.codes(after)).toEqual([]);
  });
});

describe('a database that was closed and opened again between two looks', () => {
  it('has counted nothing before it counts more than it had', () => {
    const process = new Process();
    process.look(calls(100, { HIVEDB_E_SQL: 40 }));
    process.look(calls(1, {}));
    expect(process.history?.databases.get('orders')?.trend).toMatchObject({ calls: 0, errors: {} });
  });
});

describe('the time to get a connection', () => {
  const histogram = new Histogram();

  /** A minute in which 300 were had, each after so long. */
  function minute(process: Process, ms: number): DatabaseChanges {
    let last: DatabaseChanges = {};
    process.looks(60, () => {
      histogram.record(ms, 5);
      last = { pool: { waitTime: histogram.snapshot() } };
      return last;
    });
    return last;
  }

  it('is compared with what is usual, once that is known: ten times as long is a warning', () => {
    const process = new Process();
    // However slow, there is nothing yet to be slow against.
    expect(process.codes(minute(new Process(), 900))).toEqual([]);
    // The first look is the beginning of the first of these minutes: four of them are over.
    for (let minutes = 0; minutes < 5; minutes++) minute(process, 8);
    expect(process.history?.databases.get('orders')?.trend.usualAcquireMs).toBeUndefined();
    minute(process, 8);
    expect(process.codes(minute(process, 60))).toEqual([]);
    const slow = minute(process, 120);
    const [reason] = process.reasons(slow);
    expect(reason?.code).toBe('acquire-time');
    expect(reason?.evidence).toMatch(
      / in the last minute one in a hundred took 1\d\d ms or longer to get, usually 8 ms$/,
    );
    minute(process, 8);
    expect(process.codes(minute(process, 8))).toEqual([]);
  });

  it('is not slow below what nobody feels, however many times that is', () => {
    const process = new Process();
    for (let minutes = 0; minutes < 6; minutes++) minute(process, 0.01);
    expect(process.codes(minute(process, 40))).toEqual([]);
    expect(process.codes(minute(process, 60))).toEqual(['warn acquire-time']);
    const sensitive = new Process({ acquireFloorMs: 5 });
    for (let minutes = 0; minutes < 6; minutes++) minute(sensitive, 0.01);
    expect(sensitive.codes(minute(sensitive, 40))).toEqual(['warn acquire-time']);
  });

  it('stays what it usually was while nothing is asked for, and becomes what it has been for most of an hour', () => {
    const process = new Process();
    for (let minutes = 0; minutes < 6; minutes++) minute(process, 8);
    process.looks(7_200);
    expect(process.codes(minute(process, 100))).toEqual(['warn acquire-time']);
    let last: DatabaseChanges = {};
    for (let minutes = 0; minutes < 10; minutes++) last = minute(process, 100);
    expect(process.codes(last)).toEqual([]);
  });
});

describe('connections that come and go', () => {
  it('are a warning when each lives for seconds only, with what they go for', () => {
    const process = new Process();
    process.looks(60, (second) => closed(second));
    const [reason] = process.reasons(closed(60));
    expect(reason?.code).toBe('recycling');
    expect(reason?.evidence).toMatch(
      /^59 connections closed and 59 opened in the last minute, in a pool of 4 connections at most: 59 invalid$/,
    );
    expect(reason?.advice).toContain('idle limit of the server');
  });

  it('are none where they were closed by hand, or now and then', () => {
    const process = new Process();
    process.looks(60, (second) => closed(Math.floor(second / 4), second));
    expect(process.codes(closed(15, 60))).toEqual([]);
    const small = new Process();
    const few = (invalid: number): DatabaseChanges => ({ pool: { ...closed(invalid).pool, size: 1, leased: 0 } });
    small.looks(60, (second) => few(Math.floor(second / 4)));
    expect(small.codes(few(15))).toEqual([]);
  });
});

describe('an event loop that stood still again and again', () => {
  it('warns by its share of the last minute, and is forgotten', () => {
    const process = new Process();
    process.looks(60);
    process.look({}, {}, 4_000);
    expect(process.codes()).toEqual([]);
    process.looks(5);
    process.look({}, {}, 5_500);
    expect(process.reasons()).toMatchObject([
      {
        code: 'blocked',
        status: 'warn',
        database: undefined,
        evidence: 'its event loop stood still for 7.5 s of the last minute (12.5 %), for 4.5 s at once',
      },
    ]);
    process.looks(75);
    expect(process.codes()).toEqual([]);
  });

  it('is another thing than one that is stuck now, which only others can say', () => {
    const process = new Process();
    process.looks(3);
    const eventLoop = { blockedMs: 3_000, label: undefined, statement: undefined };
    expect(process.reasons(IDLE, { eventLoop })).toMatchObject([
      { code: 'blocked', status: 'fail', since: process.wallMs, forMs: 3_000 },
    ]);
  });
});

describe('what is so or is not', () => {
  const suspended: DatabaseChanges = { pool: { status: 'suspended' } };

  it('is a reason at once, since just now; after a look, since that look; and goes at once', () => {
    const process = new Process();
    process.looks(3);
    expect(process.reasons(suspended)).toMatchObject([{ code: 'suspended', since: OPENED_AT + 3_000, forMs: 0 }]);
    process.looks(4, () => suspended);
    process.pass(500);
    expect(process.reasons(suspended)).toMatchObject([{ since: OPENED_AT + 4_000, forMs: 3_500 }]);
    expect(process.reasons()).toEqual([]);
  });

  it('has lasted on while the process is stuck', () => {
    const process = new Process();
    process.looks(5, () => suspended);
    const eventLoop = { blockedMs: 10_000, label: undefined, statement: undefined };
    expect(process.reasons(suspended, { eventLoop }).map(({ code, forMs }) => [code, forMs])).toEqual([
      ['blocked', 10_000],
      ['suspended', 14_000],
    ]);
  });

  it('is told apart from others of its kind', () => {
    const process = new Process();
    process.look({}, { warnings: ['one'] });
    process.look({}, { warnings: ['one', 'two'] });
    process.pass(1_000);
    expect(process.reasons({}, { warnings: ['one', 'two'] }).map(({ forMs }) => forMs)).toEqual([2_000, 1_000]);
  });

  it('a deprecated API is one while it has been called lately', () => {
    const process = new Process();
    process.look({}, deprecatedUse(1));
    process.look({}, deprecatedUse(2));
    for (let second = 0; second < 900; second++) process.look({}, deprecatedUse(2));
    expect(process.reasons({}, deprecatedUse(2))).toMatchObject([
      { code: 'deprecated', evidence: 'HIVEDB_DEP0001 was called 2 times, the last 15 min ago' },
    ]);
    process.look({}, deprecatedUse(2));
    expect(process.codes({}, deprecatedUse(2))).toEqual([]);
    process.look({}, deprecatedUse(3));
    expect(process.codes({}, deprecatedUse(3))).toEqual(['warn deprecated']);
  });
});

describe('time', () => {
  it('in which nobody could look raises nothing and drops nothing', () => {
    const process = new Process();
    process.looks(60);
    process.look(FULL, {}, 3_600_000);
    expect(process.codes(FULL)).toEqual(['warn blocked']);
    process.looks(40, () => FULL);
    expect(process.codes(FULL)).toContain('warn saturated');
    process.look(IDLE, {}, 3_600_000);
    expect(process.codes(IDLE)).toContain('warn saturated');
  });

  it('on the wall may jump: what lasts lasts as long, and began when it would have by the new time', () => {
    const process = new Process();
    const suspended: DatabaseChanges = { pool: { status: 'suspended' } };
    process.looks(5, () => suspended);
    process.wallMs -= 86_400_000;
    process.look(suspended);
    expect(process.reasons(suspended)).toMatchObject([{ since: OPENED_AT + 1_000 - 86_400_000, forMs: 5_000 }]);
    // A little is no jump, and what was told stays.
    process.wallMs += 400;
    process.look(suspended);
    expect(process.reasons(suspended)).toMatchObject([{ since: OPENED_AT + 1_000 - 86_400_000, forMs: 6_000 }]);
  });

  it('at first alarms nobody: whatever the load of the first seconds is', () => {
    const process = new Process();
    const busy: DatabaseChanges = { pool: { leased: 4, waiting: 9, oldestWaitMs: 900 } };
    process.looks(12, () => busy);
    expect(process.codes(busy)).toEqual([]);
  });
});

describe('what is remembered', () => {
  const leased = fc.integer({ min: 0, max: 5 });
  const steps = fc.array(fc.record({ leased, ms: fc.integer({ min: 0, max: 90_000 }), timeouts: fc.nat(3) }), {
    maxLength: 80,
  });

  it('depends on what was seen alone', () => {
    fc.assert(
      fc.property(steps, (all) => {
        expect(remembered(all).history).toEqual(remembered(all).history);
      }),
      replay({ numRuns: 20 }),
    );
  });

  it('does not grow', () => {
    const process = new Process();
    const histogram = new Histogram();
    const size = (): number => {
      const { stalls, alarms, databases } = process.history!;
      const { marks, minutes } = databases.get('orders')!.window;
      expect(minutes.length).toBeLessThanOrEqual(60);
      return stalls.length + alarms.size + marks.length;
    };
    for (let second = 0; second < 4_500; second++) {
      histogram.record(second % 900, 200);
      process.look(
        { pool: { leased: second % 5, waitTime: histogram.snapshot() } },
        {},
        second % 7 === 0 ? 1_900 : 1_000,
      );
    }
    expect(size()).toBeLessThan(70);
    expect(structuredClone(process.snapshot().trend)).toEqual(process.snapshot().trend);
  });

  it('nobody can change, however deep it lies', () => {
    const process = new Process();
    process.looks(40, () => FULL);
    process.look(FULL, deprecatedUse(1));
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
    const { trend, databases } = process.snapshot(FULL, deprecatedUse(1));
    expect([trend, databases[0]?.trend].map(isFrozen)).toEqual([true, true]);
  });

  it('leaves the snapshot alone, and the same snapshot is judged the same wherever it is', () => {
    const process = new Process();
    process.looks(40, () => FULL);
    const snapshot = process.snapshot(FULL);
    const sent = JSON.parse(JSON.stringify(snapshot)) as ServiceSnapshot;
    expect(JSON.stringify(judge(sent))).toBe(JSON.stringify(judge(snapshot)));
    const before = structuredClone(snapshot);
    stepHistory(process.history, snapshot);
    expect(snapshot).toEqual(before);
  });

  it('is of no use to other thresholds: by those the figures count at once', () => {
    const process = new Process();
    process.looks(40, () => FULL);
    process.looks(10, () => IDLE);
    const thresholds = { ...DEFAULT_THRESHOLDS, utilisationWarn: 0.2 };
    expect(judge(process.snapshot(IDLE)).status).toBe('warn');
    expect(judge(process.snapshot(IDLE), DEFAULT_THRESHOLDS).status).toBe('pass');
    expect(judge(process.snapshot(IDLE), thresholds).status).toBe('warn');
  });
});

describe('thresholds', () => {
  it('are those of each database, where it says them', () => {
    const databases = [
      healthyDatabase({ thresholds: { ...DEFAULT_DATABASE_THRESHOLDS, walBytes: 4_096 }, fileBytes: 1_024 }),
      healthyDatabase({ name: 'stock', thresholds: DEFAULT_DATABASE_THRESHOLDS, fileBytes: 1_024 }),
      healthyDatabase({ name: 'old', thresholds: undefined, fileBytes: 1_024 }),
    ];
    expect(judge(healthyService({ databases })).reasons.map(({ database }) => database)).toEqual(['orders']);
  });

  it('of a process of an earlier version are completed', () => {
    const { utilisationWarn, ...others } = DEFAULT_THRESHOLDS;
    const later = { errorShare: undefined, suspectedLeaks: undefined, blockedShare: undefined };
    const said = { ...others, ...later, utilisationWarn: utilisationWarn / 4 };
    expect(judge(healthyService({ thresholds: said })).reasons.map(({ code }) => code)).toEqual(['saturated']);
  });

  it('say how many suspected leaks there may be', () => {
    const lease = { ...healthyDatabase().leases[0]!, suspect: true, ageMs: 60_000, idleMs: 60_000 };
    const codes = (suspectedLeaks: number): readonly string[] => {
      const thresholds = { ...DEFAULT_DATABASE_THRESHOLDS, suspectedLeaks };
      const databases = [healthyDatabase({ thresholds, leases: [lease, { ...lease, id: 2 }] })];
      return judge(healthyService({ databases })).reasons.map(({ code }) => code);
    };
    expect(codes(2)).toEqual([]);
    expect(codes(1)).toEqual(['long-lease']);
  });
});
