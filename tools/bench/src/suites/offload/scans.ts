import { lateness } from '../../lateness.ts';
import { versionOf } from '../../machine.ts';
import type { Contestant, Scenario } from '../../scenario.ts';
import { openBare, openService } from '../sqlite/stage.ts';

const SCAN = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) AS n FROM n';
const SCAN_MS = 150;
const SAMPLE_MS = 1_500;

/** What one scan reads or counts, so that it takes 150 ms on this machine. */
function calibrated(): number {
  const stage = openBare('normal');
  const statement = stage.reader.prepare(SCAN);
  const rows = 300_000;
  statement.get(rows);
  const from = performance.now();
  statement.get(rows);
  const ms = performance.now() - from;
  void stage.end();
  return Math.round((rows * SCAN_MS) / ms);
}

/** How late a timer of one millisecond comes while one scan follows the other. */
export function ticksScenario(): Scenario {
  return {
    name: 'ticks beside scans',
    about: 'One scan of 150 ms after the other: how late does a 1 ms timer of the main thread come?',
    measures: [
      { name: 'late, p99', unit: 'ms', better: 'lower' },
      { name: 'late, worst', unit: 'ms', better: 'lower' },
    ],
    rounds: 7,
    contestants: [
      ticking('ours', 'offload', async (rows) => {
        const stage = await openService('normal');
        return { scan: () => stage.database.offload('scan', SCAN, [rows]), end: () => stage.end() };
      }),
      ticking('peer', 'better-sqlite3 get', (rows) => {
        const stage = openBare('normal');
        const statement = stage.reader.prepare(SCAN);
        return Promise.resolve({ scan: () => Promise.resolve(statement.get(rows)), end: () => stage.end() });
      }),
      ticking('floor', 'nothing beside it', () =>
        Promise.resolve({
          scan: () => new Promise((resolve) => setTimeout(resolve, SCAN_MS)),
          end: () => Promise.resolve(),
        }),
      ),
    ],
  };
}

interface Scanner {
  readonly scan: () => Promise<unknown>;
  readonly end: () => Promise<void>;
}

function ticking(role: Contestant['role'], name: string, open: (rows: number) => Promise<Scanner>): Contestant {
  return {
    name,
    version: versionOf(role === 'ours' ? '@hive/shared-db' : 'better-sqlite3'),
    role,
    check: () => Promise.resolve(),
    begin: async () => {
      const { scan, end } = await open(calibrated());
      await scan();
      // A turn after each: else whoever scans in promise reactions alone lets no timer in at all.
      const step = async (): Promise<void> => {
        await scan();
        await new Promise((resolve) => setImmediate(resolve));
      };
      return { sample: () => lateness(SAMPLE_MS, step), end };
    },
  };
}

/** Whether a second thread is a second pair of hands. */
export function scanThroughputScenario(): Scenario {
  return {
    name: 'scans by two threads',
    about: 'Scans of 150 ms, four at a time: two threads that read against one.',
    measures: [{ name: 'scans', unit: '1/s', better: 'higher' }],
    rounds: 7,
    contestants: [scanning('ours', 2), scanning('peer', 1)],
  };
}

function scanning(role: 'ours' | 'peer', workers: number): Contestant {
  return {
    name: workers === 1 ? 'offload, one thread' : 'offload, two threads',
    version: versionOf('@hive/shared-db'),
    role,
    check: () => Promise.resolve(),
    begin: async () => {
      const rows = calibrated();
      const stage = await openService('normal', true, workers);
      const scans = (count: number): Promise<unknown> =>
        Promise.all(Array.from({ length: count }, () => stage.database.offload('scan', SCAN, [rows])));
      await scans(2);
      return {
        sample: async () => {
          const from = performance.now();
          await scans(8);
          return [8_000 / (performance.now() - from)];
        },
        end: () => stage.end(),
      };
    },
  };
}
