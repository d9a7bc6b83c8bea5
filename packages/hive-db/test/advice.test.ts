import { describe, expect, it } from 'vitest';
import type { DatabaseSnapshot, ServerLimits } from '@hive/shared-db';
import { advise, type DatabaseAdvice, type ProcessEvidence } from '../dist/analysis/advice.js';
import { descriptorLimit, descriptorLimitIn } from '../dist/file/descriptor-limit.js';
import { databaseWith, evidenceOf, exported, recorded, type PoolHistory } from './support/evidence.ts';

/** The advice on the only database. */
function adviceOn(
  history: PoolHistory,
  more: Partial<ProcessEvidence> = {},
  changes: Partial<DatabaseSnapshot> = {},
): DatabaseAdvice {
  return advise([evidenceOf([databaseWith(history, changes)], more)]).processes[0]!.databases[0]!;
}

function limits(server?: Partial<ServerLimits>, recycleMs = 0): Partial<DatabaseSnapshot> {
  const known = { name: 'db:5432', maxConnections: undefined, idleLimitMs: undefined, ...server };
  return { limits: { acquireTimeoutMs: 10_000, recycleMs, server: known } };
}

/** A session that has its connection for so long. */
const sessionFor = (ageMs: number): DatabaseSnapshot['leases'][number] => ({
  id: 1,
  resourceId: 1,
  owner: 'nightly import',
  ageMs,
  budget: undefined,
  idleMs: 0,
  suspect: false,
  acquiredAt: undefined,
  allowedMs: undefined,
  use: 'session',
});

/** The same while somebody holds a session, and somebody the writer, which is none of the pool's. */
const held = (history: PoolHistory, ageMs: number): DatabaseSnapshot => {
  const database = databaseWith(history);
  return {
    ...database,
    leases: [sessionFor(ageMs), { ...sessionFor(9 * ageMs), use: 'write' }],
    pool: { ...database.pool, leased: 1 },
  };
};

/** So many files with so many readers each. */
const files = (count: number, size: number): readonly DatabaseSnapshot[] =>
  Array.from({ length: count }, (_, index) =>
    databaseWith({ size, arrivals: 0, useMs: 0 }, { name: `d${index}`, driver: 'sqlite', path: `/srv/${index}.db` }),
  );

/** A pool of which so many have had a connection, with so many who wait for one, all for as long. */
const queued = (arrivals: number, waiting: number, waitMs: number): DatabaseSnapshot => {
  const database = databaseWith({ size: 4, arrivals, useMs: 100, waited: arrivals });
  const waiters = Array.from({ length: waiting }, () => ({
    owner: 'report',
    budget: undefined,
    waitMs,
    use: 'any' as const,
  }));
  return { ...database, waiters, pool: { ...database.pool, waiting } };
};
const between = (before: DatabaseSnapshot, after: DatabaseSnapshot) =>
  advise([
    {
      now: exported([after], { uptimeMs: 3_660_000 }),
      earlier: exported([before]),
      recording: undefined,
      descriptors: null,
    },
  ]).processes[0]!.databases[0]!;

const onServer = (
  count: number,
  size: number,
  maxOverflow: number,
  server?: Partial<ServerLimits>,
): readonly DatabaseSnapshot[] =>
  Array.from({ length: count }, (_, index) =>
    databaseWith({ size, maxOverflow, arrivals: 0, useMs: 0 }, { name: `d${index}`, ...limits(server) }),
  );

/** Two processes with the same databases. */
const twoProcesses = (databases: readonly DatabaseSnapshot[]): readonly ProcessEvidence[] => [
  evidenceOf(databases, {}, { pid: 1 }),
  evidenceOf(databases, {}, { pid: 2 }),
];

/** Whether the first sum of one process can work. */
const verdictOnSum = (databases: readonly DatabaseSnapshot[]): string | undefined =>
  advise([evidenceOf(databases)]).sums[0]?.verdict;

const remarks = (history: Partial<PoolHistory>, changes: Partial<DatabaseSnapshot>): readonly string[] =>
  adviceOn({ size: 4, arrivals: 1_000, useMs: 1, ...history }, {}, changes).remarks.map(
    ({ code, evidence }) => `${code}: ${evidence}`,
  );

describe('advice on the size of a pool', () => {
  it("is Little's law with its numbers: arrivals a second times seconds in use", () => {
    // An hour: ten a second, each for 400 ms.
    const { load, size } = adviceOn({ size: 10, arrivals: 36_000, useMs: 400 });
    expect(load).toMatchObject({ arrivals: 36_000, arrivals_per_second: 10, since: 'start', window_seconds: 3_600 });
    expect(load.use_seconds).toBeCloseTo(0.4);
    expect(load.busy_connections).toBeCloseTo(4);
    expect(size).toMatchObject({ verdict: 'keep', needed_connections: 8, suggested_size: null });
    expect(size.why).toBe(
      '10 arrivals/s x 400 ms in use = 4 connections busy on average; with room for chance 4 + 2 x √4 = 8, so 8; the most at once is not known; nobody waited',
    );
  });

  it('needs no more than the arithmetic says, where a computer comes out a trifle above it', () => {
    const { size } = adviceOn({ size: 70, arrivals: 175 * 3_600, useMs: 280 });
    expect(size).toMatchObject({ needed_connections: 63 });
    expect(size.why).toContain('49 + 2 x √49 = 63, so 63');
  });

  it('counts what lies in the window of those who have a connection at its beginning and its end', () => {
    // One holds on through the whole minute, and 60 have theirs for a second each: two are busy all the time.
    const earlier = exported([held({ size: 8, arrivals: 100, useMs: 1_000 }, 30_000)]);
    const now = exported([held({ size: 8, arrivals: 160, useMs: 1_000 }, 90_000)], { uptimeMs: 3_660_000 });
    const { load } = advise([{ now, earlier, recording: undefined, descriptors: null }]).processes[0]!.databases[0]!;
    expect(load).toMatchObject({ arrivals: 60, since: 'earlier-look', window_seconds: 60 });
    expect(load.busy_connections).toBeCloseTo(2);
  });

  it('lets those uses that were timed stand for all', () => {
    const database = databaseWith({ size: 8, arrivals: 36_000, useMs: 400 });
    const useTime = { ...database.pool.useTime, count: 360, sumMs: 360 * 400, buckets: [{ leMs: 400, count: 360 }] };
    const { load } = advise([evidenceOf([{ ...database, pool: { ...database.pool, useTime } }])]).processes[0]!
      .databases[0]!;
    expect(load.busy_connections).toBeCloseTo(4);
  });

  it('measures between two looks what happened between them', () => {
    const history = { size: 4, arrivals: 30_000, useMs: 1, waited: 20_000, waitMs: 1 };
    const before = databaseWith(history);
    const earlier = exported([before]);
    const after = databaseWith({ ...history, arrivals: 30_600, waited: 20_300 });
    const waits = {
      count: 20_300,
      sumMs: 35_000,
      maxMs: 900,
      buckets: [...before.pool.waitTime.buckets, { leMs: 50, count: 300 }],
    };
    const now = exported([{ ...after, pool: { ...after.pool, waitTime: waits } }], { uptimeMs: 3_660_000 });
    const { load } = advise([{ now, earlier, recording: undefined, descriptors: null }]).processes[0]!.databases[0]!;
    expect(load).toMatchObject({ arrivals: 600, waited: 300, waited_ratio: 0.5, arrivals_per_second: 10 });
    expect(load.acquire_p95_seconds).toBeCloseTo(0.05);
    expect(load.waiting_callers).toBeCloseTo(0.25);
  });

  it('counts those who came and still wait, else an overloaded pool would be asked for what it can do', () => {
    // 40 a second are served, and 10 more come: the queue has 600 more after a minute.
    const { load, size } = between(queued(1_000, 100, 1_000), queued(3_400, 700, 10_000));
    expect(load).toMatchObject({ arrivals: 3_000, queue_growth: 600, arrivals_per_second: 50, waited: 3_000 });
    expect(load).toMatchObject({ waited_ratio: 1, waiting_callers: (700 * 10 - 100) / 60 });
    expect(load.busy_connections).toBeCloseTo(5);
    expect(size.why).toContain(
      '50 arrivals/s (2400 in 60 s had their turn, and 600 more wait than before) x 100 ms in use = 5 connections busy',
    );
  });

  it('does not count those again who waited at the beginning', () => {
    const { load, size } = between(queued(1_000, 700, 1_000), queued(3_400, 100, 1_000));
    expect(load).toMatchObject({ arrivals: 1_800, queue_growth: -600, arrivals_per_second: 30 });
    expect(size.why).toContain('30 arrivals/s (2400 in 60 s had their turn, 600 of the queue of before) x');
  });

  it('does not take those who gave up from those who were served', () => {
    const after = queued(3_400, 100, 1_000);
    const { counters } = after.pool;
    const leaving = (aborted: number) => ({ ...after, pool: { ...after.pool, counters: { ...counters, aborted } } });
    const all = between(queued(1_000, 700, 1_000), leaving(700));
    expect(all.load).toMatchObject({ arrivals: 2_400, queue_growth: 0, gave_up: 700 });
    const { load, size } = between(queued(1_000, 700, 1_000), leaving(200));
    expect(load).toMatchObject({ arrivals: 2_000, queue_growth: -400, waited: 2_000 });
    expect(size.why).toContain('(2400 in 60 s had their turn, 400 of the queue of before) x');
  });

  it('counts all who wait where there was no earlier look', () => {
    const [advice] = advise([evidenceOf([queued(1_000, 700, 1_000)])]).processes[0]!.databases;
    expect(advice?.load).toMatchObject({ arrivals: 1_700, queue_growth: 700, since: 'start' });
  });

  it('is none where hardly anybody came, and says how to know more', () => {
    const { size } = adviceOn({ size: 4, arrivals: 19, useMs: 100_000, waited: 19, waitMs: 9_000 });
    expect(size).toMatchObject({
      verdict: 'unknown',
      confidence: 'none',
      needed_connections: null,
      suggested_size: null,
    });
    expect(size.why).toBe('19 callers in 60 min; 20 are the least to go by');
    expect(size.command).toBe('hive-db advise --interval 60s --database orders');
  });

  it('is worth more the more was seen', () => {
    const history = { size: 4, arrivals: 1_000, useMs: 10 };
    expect(adviceOn({ ...history, arrivals: 20 }).size.confidence).toBe('some');
    expect(adviceOn(history).size.confidence).toBe('some');
    expect(adviceOn({ ...history, arrivals: 999 }, { recording: recorded([0, 1], 3) }).size.confidence).toBe('some');
    const slower = { ...recorded([0, 1], 3), step_seconds: 2 };
    expect(adviceOn(history, { recording: slower }).load.recorded_seconds).toBe(1_200);
    const sure = adviceOn(history, { recording: recorded([0, 1, 2], 3) }).size;
    expect(sure).toMatchObject({ confidence: 'good', verdict: 'keep', next: null });
  });

  it('takes the most that were seen in use for needed, where that is more than chance', () => {
    const history = { size: 6, arrivals: 3_600, useMs: 10 };
    const { load, size } = adviceOn(history, { recording: recorded([0, 5, 1], 6) });
    expect(load).toMatchObject({ peak_in_use: 5, peak_open: 6, recorded_seconds: 600 });
    expect(size).toMatchObject({ verdict: 'keep', needed_connections: 5 });
    expect(size.why).toContain('at most 5 seen in use in 10 min');
  });

  it('raises a pool in which callers wait for others', () => {
    // 100 a second for 50 ms are five; four are there.
    const { size } = adviceOn({ size: 4, arrivals: 360_000, useMs: 50, waited: 300_000, waitMs: 40 });
    // Three wait on average: 300,000 x 40 ms in 3,600 s.
    expect(size).toMatchObject({
      verdict: 'raise',
      needed_connections: 10,
      suggested_size: 10,
      suggested_max_overflow: 0,
      next: null,
    });
    expect(size.sentence).toBe('size 10 instead of 4: with 4 in use 3.33 callers wait on average');
    expect(size.why).toContain('300000 waited (83 %), one caller in twenty for 40 ms or longer');
  });

  it('looks for bursts and long uses first, where the average would fit', () => {
    const { size } = adviceOn({ size: 4, arrivals: 36_000, useMs: 10, waited: 18_000, waitMs: 40 });
    expect(size).toMatchObject({ verdict: 'raise', suggested_size: 5 });
    expect(size.next).toContain('callers come in bursts, or a few keep theirs for long');
  });

  it('raises it by as many as wait on average, where that is more', () => {
    const { size } = adviceOn({ size: 4, arrivals: 36_000, useMs: 10, waited: 18_000, waitMs: 1_000 });
    expect(size).toMatchObject({ needed_connections: 9, suggested_size: 9 });
  });

  it('leaves a pool as it is where few wait, or nobody notices', () => {
    const history = { size: 4, arrivals: 36_000, useMs: 10 };
    expect(adviceOn({ ...history, waited: 3_000, waitMs: 400 }).size.verdict).toBe('keep');
    expect(adviceOn({ ...history, waited: 30_000, waitMs: 5 }).size.verdict).toBe('keep');
  });

  it('does not take waiting for a connection to be opened for a pool that is too small', () => {
    const history = { size: 4, arrivals: 40, useMs: 10, waited: 8, waitMs: 200, created: 4 };
    expect(adviceOn(history).size.verdict).toBe('keep');
    // Each of forty waits for one of twenty that are opened again and again.
    expect(adviceOn({ ...history, waited: 40, created: 20 }).size.verdict).toBe('keep');
    expect(adviceOn({ ...history, waited: 40, created: 4 }).size.verdict).toBe('raise');
  });

  it('raises a pool whose callers come away with nothing, however few wait', () => {
    expect(adviceOn({ size: 4, arrivals: 500, useMs: 10, waited: 9, waitMs: 10_000, timeouts: 5 }).load).toMatchObject({
      arrivals: 500,
      waited: 9,
      timeouts: 5,
    });
    expect(adviceOn({ size: 4, arrivals: 500, useMs: 10, waited: 5, waitMs: 10_000, timeouts: 5 }).size.verdict).toBe(
      'raise',
    );
    expect(adviceOn({ size: 4, arrivals: 5_000, useMs: 10, waited: 5, waitMs: 10_000, timeouts: 5 }).size.verdict).toBe(
      'keep',
    );
  });

  it('raises a pool that lives on its overflow', () => {
    const { size } = adviceOn({ size: 2, maxOverflow: 8, arrivals: 36_000, useMs: 300, created: 5_000 });
    expect(size).toMatchObject({ verdict: 'raise', suggested_size: 7, suggested_max_overflow: 8 });
    expect(size.sentence).toContain('on average more than 2 are busy');
  });

  it('lowers a pool of which a part was never in use, and keeps a quarter more than was', () => {
    const history = { size: 20, maxOverflow: 10, arrivals: 36_000, useMs: 100, created: 4 };
    const { size } = adviceOn(history, { recording: recorded([1, 4, 2], 4) });
    expect(size).toMatchObject({ verdict: 'lower', suggested_size: 5, suggested_max_overflow: 0 });
    expect(size.sentence).toBe('size 5 and maxOverflow 0 would do: never more than 4 of 30 were in use');
  });

  it('lowers nothing where more may have been in use than was seen, nor after a moment', () => {
    const history = { size: 20, arrivals: 36_000, useMs: 1, created: 20 };
    expect(adviceOn(history).size.verdict).toBe('keep');
    expect(adviceOn(history, { recording: recorded([1, 4, 2], 20) }).size.verdict).toBe('keep');
    // One that could go is not worth a word.
    expect(adviceOn({ ...history, size: 3, created: 1 }).size.verdict).toBe('keep');
    // Nothing was opened between two looks: that may have been before.
    const looks = evidenceOf([databaseWith({ ...history, arrivals: 40_000 })], {
      earlier: exported([databaseWith(history)], { uptimeMs: 600_000 }),
    });
    expect(advise([looks]).processes[0]!.databases[0]!.size.verdict).toBe('keep');
    // More are open now than ever were in the recording.
    expect(adviceOn(history, { recording: recorded([1, 2], 3) }).size.verdict).toBe('keep');
    const short = evidenceOf([databaseWith({ ...history, created: 2 })], {}, { uptimeMs: 60_000 });
    expect(advise([short]).processes[0]!.databases[0]!.size.verdict).toBe('keep');
    expect(adviceOn({ ...history, created: 2 }).size).toMatchObject({ verdict: 'lower', suggested_size: 3 });
  });

  it('says nothing of a database that is out of order', () => {
    const failed = databaseWith({ size: 4, arrivals: 100, useMs: 1 }, { status: 'failed' });
    expect(advise([evidenceOf([failed])]).processes[0]!.databases).toEqual([]);
  });
});

describe('advice on a file', () => {
  const FILE = { driver: 'sqlite', path: '/srv/orders.db' };

  it('never asks for more readers, however many wait, and says what helps instead', () => {
    for (const size of [1, 4, 8, 64]) {
      const { size: advice } = adviceOn(
        { size, arrivals: 360_000, useMs: 900, waited: 300_000, waitMs: 400 },
        {},
        FILE,
      );
      expect(advice).toMatchObject({ verdict: 'elsewhere', suggested_size: null, needed_connections: null });
      expect(advice.sentence).toContain('SQLite reads one statement after the other');
      expect(advice.next).toMatch(/await nothing but its statements .* readSync, .* offload/);
    }
  });

  it('is content with the four readers that it has by default, used or not', () => {
    const { size } = adviceOn(
      { size: 4, arrivals: 36_000, useMs: 1, created: 1 },
      { recording: recorded([0, 1], 1) },
      FILE,
    );
    expect(size).toMatchObject({ verdict: 'keep', suggested_size: null });
    expect(size.sentence).toBe('4 readers are enough for what was measured');
  });

  it('takes back readers beyond these that were never used', () => {
    const history = { size: 12, maxOverflow: 4, arrivals: 36_000, useMs: 1, created: 3 };
    const { size } = adviceOn(history, { recording: recorded([0, 3], 3) }, FILE);
    expect(size).toMatchObject({ verdict: 'lower', suggested_size: 4, suggested_max_overflow: 0 });
    expect(size.sentence).toContain('never more than 3 of 16 readers were in use');
    expect(adviceOn({ ...history, created: 9 }, { recording: recorded([0, 3], 9) }, FILE).size.verdict).toBe('keep');
    const short = evidenceOf([databaseWith(history, FILE)], {}, { uptimeMs: 60_000 });
    expect(advise([short]).processes[0]!.databases[0]!.size.verdict).toBe('keep');
  });
});

describe('the sums that pools must fit into', () => {
  it('databases x (size + overflow) x processes against what the server lets in', () => {
    const [sum] = advise(twoProcesses(onServer(18, 5, 10, { maxConnections: 151 }))).sums;
    expect(sum).toMatchObject({ kind: 'server', server: 'db:5432', most: 540, allowed: 151, verdict: 'impossible' });
    expect(sum?.sentence).toBe(
      '18 databases x (5 + 10) x 2 processes = 540 connections at most; the server lets 151 in',
    );
    expect(sum?.advice).toContain('lower pool.size and pool.maxOverflow');
  });

  it('name each process where they differ, and count each server by itself', () => {
    const here = evidenceOf(onServer(2, 4, 0, { maxConnections: 30 }), {}, { pid: 1 });
    const there = evidenceOf(
      [
        ...onServer(1, 8, 8, { maxConnections: 40 }),
        databaseWith({ size: 3, arrivals: 0, useMs: 0 }, { name: 'z', ...limits({ name: 'other:1' }) }),
      ],
      {},
      { pid: 2, app: 'bill' },
    );
    const [first, second] = advise([here, there]).sums;
    // Who says less is believed.
    expect(first).toMatchObject({ most: 24, allowed: 30, verdict: 'fits', advice: null });
    expect(first?.sentence).toContain('shop (pid 1): 2 x (4 + 0); bill (pid 2): 1 x (8 + 8) = 24 connections at most');
    expect(second).toMatchObject({ server: 'other:1', most: 3, allowed: null, verdict: 'unknown', advice: null });
  });

  it('are tight from four fifths on, and count no database that is closed', () => {
    const server = { maxConnections: 100 };
    expect([80, 81, 100, 101].map((size) => verdictOnSum(onServer(1, size, 0, server)))).toEqual([
      'fits',
      'tight',
      'tight',
      'impossible',
    ]);
    const closed = databaseWith(
      { size: 50, arrivals: 0, useMs: 0 },
      { name: 'z', status: 'closed', ...limits(server) },
    );
    expect(verdictOnSum([...onServer(1, 80, 0, server), closed])).toBe('fits');
  });

  it('warn where the advised sizes would not fit, and hold back who was to be raised', () => {
    const busy = { size: 4, arrivals: 360_000, useMs: 50, waited: 300_000, waitMs: 40 };
    const advice = advise([evidenceOf([databaseWith(busy, limits({ maxConnections: 9 }))])]);
    expect(advice.sums[0]).toMatchObject({ most: 4, most_as_advised: 10, verdict: 'fits' });
    expect(advice.sums[0]?.advice).toContain('with the sizes that are advised here it would be 10');
    expect(advice.processes[0]?.databases[0]?.size.next).toMatch(/^not before there is room/);
    const roomy = advise([evidenceOf([databaseWith(busy, limits({ maxConnections: 90 }))])]);
    expect(roomy.processes[0]?.databases[0]?.size.next).toBe(null);
    expect(roomy.sums[0]?.advice).toBe(null);
    // Who was not to be raised, or uses another server, is none of that.
    const others = [
      databaseWith({ size: 4, arrivals: 1_000, useMs: 1 }, { name: 'calm', ...limits({ maxConnections: 9 }) }),
      databaseWith(busy, { name: 'elsewhere', ...limits({ name: 'other:1', maxConnections: 90 }) }),
      databaseWith(busy, limits({ maxConnections: 9 })),
    ];
    const [calm, elsewhere] = advise([evidenceOf(others)]).processes[0]!.databases;
    expect(calm?.size.next).toBe('ask again at the busiest time');
    expect(elsewhere?.size).toMatchObject({ verdict: 'raise', next: null });
  });

  it('say so where the advised sizes would make them fit', () => {
    const idle = databaseWith({ size: 40, arrivals: 36_000, useMs: 1, created: 2 }, limits({ maxConnections: 30 }));
    const [sum] = advise([evidenceOf([idle])]).sums;
    expect(sum).toMatchObject({ most: 40, most_as_advised: 3, verdict: 'impossible' });
    expect(sum?.advice).toContain('with the sizes that are advised here it is 3');
  });

  it('two descriptors a connection and five a file against the files that a process may have open', () => {
    const sums = advise([evidenceOf(files(10, 4), { descriptors: { limit: 200 } })]).sums;
    // Four readers, three others, and two in threads: one works and may have a spare.
    expect(sums).toMatchObject([{ kind: 'descriptors', pid: 4711, most: 230, allowed: 200, verdict: 'impossible' }]);
    expect(sums[0]?.sentence).toBe(
      '10 databases x (4 + 0 readers + 3 of writer, readSync and log + 2 in threads), x 2 descriptors, and 10 x 5 of log and turns = 230 at most; the process may have 200 files open',
    );
    expect(advise([evidenceOf(files(10, 4), { descriptors: { limit: 20_000 } })]).sums[0]?.verdict).toBe('fits');
    expect(advise([evidenceOf(files(10, 4))]).sums[0]).toMatchObject({
      verdict: 'unknown',
      allowed: null,
      advice: null,
    });
  });

  const tenants = {
    pattern: 'tenant-*',
    mostOpen: 50,
    open: 2,
    inUse: 0,
    waiting: 0,
    oldestWaitMs: 0,
    opened: 2,
    evicted: 0,
  };

  it('count all databases of a pattern that may be open at once, each with its pool, though hardly any is', () => {
    const onDemand = [{ ...tenants, size: 2, maxOverflow: 1 }];
    const [sum] = advise([evidenceOf(files(3, 4), { descriptors: { limit: 1_024 } }, { onDemand })]).sums;
    // 3 x (9 x 2 + 5) and 48 x (8 x 2 + 5).
    expect(sum).toMatchObject({ most: 1_077, most_as_advised: 1_077, verdict: 'impossible' });
    expect(sum?.terms).toMatchObject([
      { databases: 3, size: 4, connections: 27 },
      { databases: 48, pattern: 'tenant-*', size: 2, max_overflow: 1, connections: 384 },
    ]);
    expect(sum?.sentence).toContain(
      '3 x (4 + 0 readers + 3 of writer, readSync and log + 2 in threads) + 48 more of tenant-* x (2 + 1 readers + 3 of writer,',
    );
    expect(sum?.sentence).toContain('x 2 descriptors, and 51 x 5 of log and turns = 1077 at most');
    expect(sum?.advice).toContain('mostOpen');
  });

  it('count those of a pattern of which none is open, with four readers where a process does not say how many', () => {
    const onDemand = [{ ...tenants, open: 0 }];
    const [sum] = advise([evidenceOf([], {}, { onDemand })]).sums;
    expect(sum).toMatchObject({ most: 50 * (2 * 9 + 5), terms: [{ databases: 50, size: 4, max_overflow: 0 }] });
    expect(sum?.sentence).toContain('50 more of tenant-* x (4 + 0 readers');
    expect(advise([evidenceOf(files(1, 4), {}, { onDemand: [{ ...tenants, open: 50 }] })]).sums[0]?.most).toBe(23);
  });

  it('take the limit that holds from what the system says', () => {
    const text =
      'Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 1048576              files     \n';
    expect(descriptorLimitIn(text)).toEqual({ limit: 1_024 });
    expect(descriptorLimitIn(text.replace('1024  ', 'unlimited'))).toBe(null);
    expect(descriptorLimitIn('')).toBe(null);
    expect(descriptorLimit(0)).toBe(null);
  });
});

describe('advice on what is beside the size', () => {
  it('replaces connections before the server ends them', () => {
    const idleLimitMs = 600_000;
    expect(remarks({}, limits({ idleLimitMs }, 0))).toEqual([
      'recycle: connections are never replaced, but the server ends what was idle for 10 min',
    ]);
    expect(remarks({}, limits({ idleLimitMs }, 600_000))).toEqual([
      'recycle: connections are replaced after 10 min, but the server ends what was idle for 10 min',
    ]);
    expect(remarks({}, limits({ idleLimitMs }, 540_000))).toEqual([]);
    expect(remarks({}, limits())).toEqual([]);
    expect(remarks({}, { limits: undefined })).toEqual([]);
  });

  it('shortens the time limit where callers were seen to leave before it, and only there', () => {
    expect(remarks({ aborted: 50 }, limits())).toEqual([
      'acquire-timeout: 50 callers (4 %) gave up before they had a connection, and 0 came to the time limit of 10 s',
    ]);
    expect(remarks({ aborted: 19 }, limits())).toEqual([]);
    expect(remarks({ aborted: 50, arrivals: 100_000 }, limits())).toEqual([]);
    expect(remarks({ aborted: 50, waited: 6, timeouts: 6 }, limits())).toEqual([]);
    expect(remarks({}, limits())).toEqual([]);
  });
});
