import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSnapshot } from '@hive/shared-db';
import { describe, expect, it } from 'vitest';
import { advise, type AdviceRemark } from '../dist/analysis/advice.js';
import { topOf } from '../dist/documents/top.js';
import { run } from './support/command-line.ts';
import { databaseWith, exported, recorded } from './support/evidence.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { contract, misfits } from './support/schema.ts';
import { databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

type Budget = NonNullable<DatabaseSnapshot['pool']['budgets']>[number];

/** A budget of a pool of eight that was given so many connections. */
function budget(
  name: string,
  granted: number,
  more: Partial<Omit<Budget, 'counters'>> & Partial<Budget['counters']> = {},
): Budget {
  const { waited = 0, timeouts = 0, ...others } = more;
  return {
    name,
    reserved: 0,
    max: 8,
    weight: 1,
    leased: 0,
    waiting: 0,
    oldestWaitMs: 0,
    ...others,
    counters: { granted, waited, timeouts },
  };
}

/** A process of which those share a pool. */
function sharing(budgets: readonly Budget[], uptimeMs = 3_600_000) {
  const lease = { id: 1, resourceId: 1, owner: 'import', ageMs: 5, budget: 'batch', idleMs: 0, suspect: false };
  const of = { acquiredAt: undefined, allowedMs: undefined, use: 'read' } as const;
  const waiter = { owner: 'import', budget: 'batch', waitMs: 7, use: 'read' } as const;
  const database = databaseSnapshot({ pool: { budgets }, leases: [{ ...lease, ...of }], waiters: [waiter] });
  return serviceSnapshot({ databases: [database], uptimeMs });
}

const BUDGETS = [
  budget('web', 40, { reserved: 2, leased: 1 }),
  budget('batch', 60, { max: 3, leased: 3, waiting: 5, timeouts: 2 }),
];

describe('who shares a pool', () => {
  it('is exported, with who has a connection and who waits for one, and shown again by status', async () => {
    using files = temporaryDirectory();
    await using directory = await runtimeDirectory(sharing(BUDGETS));
    const { out } = await run(['export', '--runtime-dir', directory.path]);
    expect(misfits(JSON.parse(out), contract('export'))).toEqual([]);
    expect(JSON.parse(out)).toMatchObject({
      processes: [
        {
          databases: [
            {
              pool: {
                budgets: [
                  { name: 'web', reserved: 2, max: 8, weight: 1, in_use: 1, waiting: 0, granted: 40, timeouts: 0 },
                  { name: 'batch', max: 3, in_use: 3, waiting: 5, granted: 60, timeouts: 2 },
                ],
              },
              leases: [{ label: 'import', budget: 'batch' }],
              waiters: [{ label: 'import', budget: 'batch' }],
            },
          ],
        },
      ],
    });
    writeFileSync(join(files.path, 'state.json'), out);
    const live = await run(['status', '--runtime-dir', directory.path]);
    const later = await run(['status', '-i', 'state.json'], { cwd: files.path });
    expect(later.out).toContain('    budget web: 1 of 8 in use (2 reserved, weight 1)\n');
    expect(later.out).toContain(live.out.slice(live.out.indexOf('shop')));
    const again = await run(['status', '-i', 'state.json', '--json'], { cwd: files.path });
    expect(misfits(JSON.parse(again.out), contract('status'))).toEqual([]);
  });

  it('has what a pool shares with others on its server below it, also of an export', async () => {
    const sharing = databaseSnapshot({ pool: { sharedLimit: { most: 20, live: 18 } } });
    await using directory = await runtimeDirectory(serviceSnapshot({ databases: [sharing] }));
    const { out } = await run(['status', '--runtime-dir', directory.path]);
    expect(out).toContain('\n    shared limit: 18 of 20 open in all that share it\n');
    for (const verb of ['status', 'export']) {
      const json = await run([verb, '--json', '--runtime-dir', directory.path]);
      expect(JSON.parse(json.out)).toMatchObject({
        processes: [{ databases: [{ pool: { shared_limit: { max: 20, open: 18 } } }] }],
      });
    }
  });

  it('is nowhere where nobody has budgets', async () => {
    const free = databaseSnapshot({ pool: { budgets: undefined } });
    await using directory = await runtimeDirectory(serviceSnapshot({ databases: [free] }));
    const { out } = await run(['export', '--runtime-dir', directory.path]);
    expect(out).not.toContain('"budgets"');
    const top = await run(['top', '--interval', '0s', '--runtime-dir', directory.path]);
    expect(top.out).not.toContain('budgets');
  });

  it('is in top with what each was given in the window, and who had to wait or go', async () => {
    const inquiryOf = (snapshot: ReturnType<typeof sharing>) => ({
      directory: '/run',
      answered: [{ pid: snapshot.pid, snapshot }],
      unreachable: [],
    });
    const before = sharing([budget('web', 30), budget('batch', 20, { waited: 5 })], 3_590_000);
    const now = sharing([budget('web', 40), budget('batch', 60, { waited: 25, timeouts: 10 }), budget('late', 5)]);
    const options = { sort: 'spent', limit: 10, slowMs: 0 } as const;
    expect(topOf(inquiryOf(now), inquiryOf(before), options).budgets).toMatchObject([
      { budget: 'web', database: 'orders', granted_per_second: 1, waited_per_second: 0, timeouts_per_second: 0 },
      { budget: 'batch', granted_per_second: 4, waited_per_second: 2, timeouts_per_second: 1, granted: 60 },
      { budget: 'late', granted_per_second: 0.5 },
    ]);
    await using directory = await runtimeDirectory(sharing(BUDGETS));
    const argv = ['top', '--interval', '0s', '--runtime-dir', directory.path];
    const { out } = await run(argv);
    expect(out).toContain(
      [
        'budgets',
        '  APP    PID  DATABASE  BUDGET  IN USE  WAITING  GRANTED  WAITED  TIMED OUT',
        '  shop  4711  orders    web     1 of 8        0     40/h       0          0',
        '  shop  4711  orders    batch   3 of 3        5    1/min       0        2/h',
        '',
      ].join('\n'),
    );
    const { out: json } = await run([...argv, '--json']);
    expect(misfits(JSON.parse(json), contract('top'))).toEqual([]);
  });
});

/** What is remarked of an hour with a thousand callers of a pool of eight; `peak` were in use at most. */
function remarks(budgets: readonly Budget[], peak: number, before?: readonly Budget[]): readonly AdviceRemark[] {
  const database = databaseWith({ size: 8, arrivals: 1_000, useMs: 1 });
  const looked = (all: readonly Budget[], uptimeMs: number) =>
    exported([{ ...database, pool: { ...database.pool, budgets: all } }], { uptimeMs });
  const earlier = before && looked(before, 3_000_000);
  const evidence = { now: looked(budgets, 3_600_000), earlier, recording: recorded([peak], 8), descriptors: null };
  return advise([evidence]).processes[0]!.databases[0]!.remarks;
}

describe('advice on budgets', () => {
  it('says whose most it is that he waits for while connections are free', () => {
    const [remark, ...others] = remarks([budget('batch', 500, { max: 3, waited: 190, timeouts: 10 })], 5);
    expect(others).toEqual([]);
    expect(remark).toEqual({
      code: 'budget-max',
      evidence:
        'budget batch waited for 200 of 510 connections (39 %), 10 of them in vain, at its max of 3, while at most 5 of 8 were in use',
      advice:
        'raise pool.budgets.batch.max, unless what it does is meant to wait: what is left is there for the others',
    });
  });

  it.each([
    ['all connections were in use at some time', [budget('batch', 500, { max: 3, waited: 200 })], 8],
    ['it may have them all', [budget('batch', 500, { waited: 200 })], 5],
    ['few had to wait', [budget('batch', 500, { max: 3, waited: 40 })], 5],
    ['hardly anybody came', [budget('batch', 10, { max: 3, waited: 9 })], 5],
  ] as const)('does not say so where %s', (_, budgets, peak) => {
    expect(remarks(budgets, peak)).toEqual([]);
  });

  it('says whose reserve nobody asks for: mostly his calls do not name it', () => {
    expect(remarks([budget('default', 1_000), budget('web', 0, { reserved: 4 })], 5)).toEqual([
      {
        code: 'budget-unused',
        evidence: 'budget web has 4 reserved, and of 1000 callers in 60 min none was its',
        advice: "have its calls say { budget: 'web' }, or take it out of pool.budgets",
      },
    ]);
    expect(remarks([budget('web', 1, { reserved: 4 })], 5)).toEqual([]);
    expect(remarks([budget('web', 0)], 5)).toEqual([]);
  });

  it('is about the time between two looks', () => {
    const before = [budget('batch', 500, { max: 3, waited: 200 })];
    expect(remarks([budget('batch', 900, { max: 3, waited: 210 })], 5, before)).toEqual([]);
  });

  it('is printed below the budgets that it is about, and keeps the contract', async () => {
    const database = databaseWith({ size: 8, arrivals: 1_000, useMs: 1 });
    const budgets = [budget('default', 1_000), budget('web', 0, { reserved: 4 })];
    const snapshot = serviceSnapshot({ databases: [{ ...database, pool: { ...database.pool, budgets } }] });
    await using directory = await runtimeDirectory(snapshot);
    const { out } = await run(['advise', '--runtime-dir', directory.path]);
    expect(out).toContain('    budget web: 0 of 8 in use (4 reserved, weight 1)\n  budget-unused ');
    const { out: json } = await run(['advise', '--json', '--runtime-dir', directory.path]);
    expect(misfits(JSON.parse(json), contract('advise'))).toEqual([]);
    expect(JSON.parse(json)).toMatchObject({
      processes: [{ databases: [{ pool: { budgets: [{}, { name: 'web' }] }, remarks: [{ code: 'budget-unused' }] }] }],
    });
  });
});
