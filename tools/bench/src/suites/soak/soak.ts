import type { SqliteDatabase } from '@hive/shared-db';
import { versionOf } from '../../machine.ts';
import type { Scenario } from '../../scenario.ts';
import { openService } from '../sqlite/stage.ts';
import { ProcessGauge } from './process-gauge.ts';
import { brokenPromise } from './promises.ts';
import { WORKERS, workFor } from './workers.ts';

/** So long that a leak of a kilobyte a session would be a hundred megabytes. */
const SOAK_MS = 60_000;
/** Over the time of the soak: what was leaked last has to come back. */
const MARGIN_MS = 60_000;
const KIBIBYTE = 1_024;

/** Sessions of well-behaved callers among those who leak them, keep them for too long, or throw in them. */
export function soakScenario(forMs = SOAK_MS): Scenario {
  return {
    name: 'soak',
    about:
      `${WORKERS} workers use sessions on a SQLite file for ${forMs / 1_000} s; of 100 sessions 2 are leaked, 1 is kept over its limit and 1 throws. ` +
      'It fails where one is not taken back, a well-behaved caller fails, a write is lost, or heap, memory or descriptors grow.',
    measures: [
      { name: 'sessions', unit: 'per second', better: 'higher' },
      { name: 'wait for a connection, p99', unit: 'ms', better: 'lower' },
      { name: 'failures of the well-behaved', unit: '', better: 'lower' },
      { name: 'leaked and overdue sessions', unit: '', better: 'higher' },
      { name: 'of them taken back', unit: '%', better: 'higher' },
      { name: 'connections in use at the end', unit: '', better: 'lower' },
      { name: 'growth of the heap after gc', unit: 'KiB a minute', better: 'lower' },
      { name: 'growth of the resident set', unit: 'KiB a minute', better: 'lower' },
      { name: 'growth of open descriptors', unit: '', better: 'lower' },
    ],
    rounds: 1,
    stepLimitMs: forMs + MARGIN_MS,
    contestants: [
      {
        name: 'database.session',
        version: versionOf('@hive/shared-db'),
        role: 'ours',
        check: () => Promise.resolve(),
        begin: () => Promise.resolve({ sample: () => soak(forMs), end: () => Promise.resolve() }),
      },
    ],
  };
}

async function soak(forMs: number): Promise<readonly number[]> {
  const stage = await openService('normal');
  const { database } = stage;
  try {
    using gauge = new ProcessGauge(forMs);
    const before = stockOf(database);
    const work = await workFor(database, forMs);
    const growth = gauge.growth();
    const { pool } = database.snapshot();
    const broken = brokenPromise({ work, growth, pool, writes: stockOf(database) - before });
    if (broken !== undefined) throw new Error(broken);
    const owed = work.leaked + work.overdue;
    return [
      (work.sessions / forMs) * 1_000,
      work.waitP99Ms,
      work.failures.length,
      owed,
      (100 * work.takenBack) / owed,
      pool.leased,
      growth.heapBytesAMinute / KIBIBYTE,
      growth.residentBytesAMinute / KIBIBYTE,
      growth.descriptors,
    ];
  } finally {
    await stage.end();
  }
}

/** Each write has made it one more. */
function stockOf(database: SqliteDatabase): number {
  const { stock = 0 } =
    database.readSync('stock', (c) => c.get<{ stock: number }>('SELECT sum(stock) AS stock FROM item')) ?? {};
  return stock;
}
