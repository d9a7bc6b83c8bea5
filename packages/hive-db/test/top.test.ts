import { describe, expect, it } from 'vitest';
import type { ServiceSnapshot } from '@hive/shared-db';
import type { Io } from '../dist/io.js';
import { topOf, type TopDocument } from '../dist/documents/top.js';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const OPTIONS = { sort: 'spent', limit: 10, slowMs: 0 } as const;

/** A process after so many seconds, in which a label and a statement were used so often, for so long each. */
function after(seconds: number, times: number, eachMs: number, changes: Partial<ServiceSnapshot> = {}) {
  return serviceSnapshot({
    uptimeMs: 1_000_000 + seconds * 1_000,
    labels: [{ label: 'save', calls: times, failures: 1, sumMs: times * eachMs, maxMs: 70, callSite: undefined }],
    databases: [
      databaseSnapshot({
        counters: { reads: times, synchronousReads: times, writes: times, busy: times },
        statements: [{ statement: 'COMMIT', runs: times, sumMs: times * eachMs, maxMs: 60 }],
      }),
    ],
    ...changes,
  });
}

function between(before: ServiceSnapshot | undefined, now: ServiceSnapshot): TopDocument {
  return topOf(inquiryOf(now), before && inquiryOf(before), OPTIONS);
}

function inquiryOf(snapshot: ServiceSnapshot) {
  return { directory: '/run', answered: [{ pid: snapshot.pid, snapshot }], unreachable: [] };
}

describe('top', () => {
  it('tells what happened between two looks, and how long each took', () => {
    const document = between(after(0, 100, 1), after(4, 140, 2));
    expect(document).toMatchObject({
      window_seconds: 4,
      databases: [{ database: 'orders', reads_per_second: 20, writes_per_second: 10, busy_per_second: 10, busy: 140 }],
      labels: [{ label: 'save', calls: 140, failures: 1, per_second: 10, max_seconds: 0.07 }],
      statements: [{ database: 'orders', statement: 'COMMIT', runs: 140, per_second: 10, max_seconds: 0.06 }],
    });
    for (const { spent_seconds: spent, mean_seconds: mean } of [...document.labels, ...document.statements]) {
      expect(spent).toBeCloseTo(0.18, 9);
      expect(mean).toBeCloseTo(0.0045, 9);
    }
  });

  it('counts from the start where there was no earlier look, or another process of that number', () => {
    const now = after(0, 500, 2);
    const other = after(-5, 100, 2, { startedAt: 7 });
    for (const before of [undefined, other])
      expect(between(before, now)).toMatchObject({
        window_seconds: 0,
        databases: [{ busy_per_second: 0.5 }],
        labels: [{ per_second: 0.5, spent_seconds: 1, mean_seconds: 0.002 }],
        statements: [{ per_second: 0.5, spent_seconds: 1, mean_seconds: 0.002 }],
      });
  });

  it('has no mean of what did not happen, and no figures of a statement that the earlier look may have left out', () => {
    const same = after(0, 100, 1);
    expect(between(same, after(1, 100, 1))).toMatchObject({
      labels: [{ per_second: 0, mean_seconds: null, spent_seconds: 0 }],
      statements: [{ per_second: 0, mean_seconds: null, spent_seconds: 0 }],
    });
    const ten = Array.from({ length: 10 }, (_, i) => ({ statement: `SELECT ${i}`, runs: 1, sumMs: 9, maxMs: 9 }));
    const full = { ...same, databases: [databaseSnapshot({ statements: ten })] };
    const { statements } = between(full, after(1, 100, 1));
    expect(statements).toMatchObject([{ statement: 'COMMIT', runs: 100, per_second: null, spent_seconds: null }]);
    const few = { ...same, databases: [databaseSnapshot({ statements: ten.slice(0, 9) })] };
    expect(between(few, after(1, 100, 1)).statements).toMatchObject([{ per_second: 100, spent_seconds: 0.1 }]);
  });

  it('orders labels and statements as it is told, and shows as many as it is told', async () => {
    const labels = [
      { label: 'heavy', calls: 10, failures: 0, sumMs: 900, maxMs: 100, callSite: undefined },
      { label: 'long', calls: 1, failures: 0, sumMs: 300, maxMs: 300, callSite: undefined },
      { label: 'often', calls: 800, failures: 0, sumMs: 400, maxMs: 2, callSite: undefined },
      { label: 'once', calls: 2, failures: 0, sumMs: 800, maxMs: 790, callSite: undefined },
    ];
    await using directory = await runtimeDirectory(serviceSnapshot({ labels }));
    const order = async (...options: readonly string[]): Promise<readonly string[]> => {
      const { out } = await run(['top', '--interval', '0s', '--json', '--runtime-dir', directory.path, ...options]);
      return (JSON.parse(out) as TopDocument).labels.map(({ label }) => label);
    };
    expect(await order()).toEqual(['heavy', 'once', 'often', 'long']);
    expect(await order('--sort', 'mean')).toEqual(['once', 'long', 'heavy', 'often']);
    expect(await order('--sort', 'max', '--limit', '2')).toEqual(['once', 'long']);
    expect(await order('--sort', 'rate', '--limit', '1')).toEqual(['often']);
  });

  it('shows slow runs, the slowest first, and only those that took as long as is asked for', async () => {
    const slow = [120, 900, 300].map((ms) => ({ statement: `SELECT ${ms}`, label: 'report', ms, at: 0 }));
    const databases = [databaseSnapshot({ slowStatements: slow, slowRuns: 3 })];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const argv = ['top', '--interval', '0s', '--json', '--runtime-dir', directory.path, '--slow', '300ms'];
    expect(JSON.parse((await run(argv)).out)).toMatchObject({
      slow: [
        { statement: 'SELECT 900', label: 'report', seconds: 0.9, at: '1970-01-01T00:00:00.000Z' },
        { statement: 'SELECT 300' },
      ],
    });
  });

  it('looks twice, so far apart as it is told', async () => {
    await using directory = await runtimeDirectory(busyService());
    const waits: number[] = [];
    const clock: Io['clock'] = {
      now: () => 0,
      wait: (delayMs) => {
        waits.push(delayMs);
        return Promise.resolve();
      },
    };
    let listening = 0;
    const interruption: Io['interruption'] = () => {
      listening++;
      return { signal: new AbortController().signal, [Symbol.dispose]: () => listening-- };
    };
    const argv = ['top', '--runtime-dir', directory.path];
    const { code, out } = await run([...argv, '--interval', '250ms'], { clock, interruption });
    expect({ code, waits, listening }).toEqual({ code: 0, waits: [250], listening: 0 });
    expect(out).toMatch(/^since the start of each process\n/u);
  });

  it('prints a table of each, and leaves out what is empty', async () => {
    await using directory = await runtimeDirectory(busyService());
    const { out } = await run(['top', '--interval', '0s', '--runtime-dir', directory.path]);
    expect(out).toBe(
      [
        'since the start of each process',
        '',
        'databases',
        '  APP    PID  DATABASE   READS  WRITES  BUSY  ERRORS',
        '  shop  4711  orders    30/min   2/min  30/h     7/h',
        '  shop  4711  stock     30/min   2/min     0       0',
        '  in all, since the start: 3600 reads, 240 writes, 7 errors',
        '',
        'labels',
        '  SPENT  RATE    MEAN   MAX  FAILED  APP   LABEL       WHERE',
        '   9 ms  40/h  225 us  3 ms      10  shop  save order  save (orders.ts:7:3)',
        '',
        'statements',
        '   SPENT  RATE     MEAN     MAX  APP   DATABASE  STATEMENT',
        '  400 ms   7/h  57.1 ms  250 ms  shop  orders    SELECT * FROM orders',
        '',
        'slow statements',
        '    TOOK  AT (UTC)  APP   DATABASE  LABEL  STATEMENT',
        '  250 ms  12:00:00  shop  orders    -      SELECT * FROM orders',
        '',
      ].join('\n'),
    );
  });

  it.each([
    ['--limit', '0'],
    ['--limit', '1.5'],
    ['--limit', 'many'],
    ['--sort', 'size'],
    ['--interval', '2h'],
    ['--slow', 'never'],
  ])('refuses %s %s in one sentence', async (option, value) => {
    const { code, out, err } = await run(['top', option, value]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^hive-db: .+\n$/u);
  });

  it('finds the statements of a real process', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const { out } = await run([
      'top',
      '--interval',
      '0s',
      '--json',
      '--limit',
      '99',
      '--runtime-dir',
      shop.runtimeDirectory,
    ]);
    const { statements, labels } = JSON.parse(out) as TopDocument;
    expect(statements).toContainEqual(
      expect.objectContaining({ pid: shop.pid, database: 'orders', statement: 'SELECT * FROM stock', runs: 1 }),
    );
    expect(labels).toContainEqual(expect.objectContaining({ label: 'save stock twice', calls: 1, failures: 1 }));
  });
});
