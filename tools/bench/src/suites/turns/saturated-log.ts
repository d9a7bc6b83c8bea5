import { statSync } from 'node:fs';
import { versionOf } from '../../machine.ts';
import type { Contestant, Scenario } from '../../scenario.ts';
import { BUSY_TIMEOUT } from './contention.ts';
import { Fleet, type FleetOrder } from './fleet.ts';
import type { Method, Workload } from './workload.ts';

/** So long that a log that grows for ever has grown. */
const SATURATED_MS = 60_000;
/** How often the log is looked at: it grows by less than a megabyte meanwhile. */
const LOOK_MS = 20;
/** Over the time of writing: who blocks for his busy timeout ends late, and processes have to start. */
const MARGIN_MS = 60_000;
/** As many at once in each as make groups worth while: the most that can be written. */
const WORKLOAD: Workload = { durability: 'normal', inFlight: 16, holdMs: 0 };
const MEGABYTE = 1024 * 1024;

/** Four processes never pause. How long does the log get, and is it short again when they end? */
export function saturatedLogScenario(forMs = SATURATED_MS): Scenario {
  return {
    name: 'log under saturation',
    about: `4 processes with 16 callers each write for ${forMs / 1_000} s without a pause, durability normal: the size of the -wal file.`,
    measures: [
      { name: 'largest', unit: 'MiB', better: 'lower' },
      { name: 'at the end', unit: 'MiB', better: 'lower' },
      { name: 'transactions', unit: 'per second', better: 'higher' },
    ],
    against: BUSY_TIMEOUT,
    rounds: 3,
    stepLimitMs: forMs + MARGIN_MS,
    contestants: [
      saturating('ours', 'write', '@hive/shared-db', 'shared-db', forMs),
      saturating('peer', BUSY_TIMEOUT, 'better-sqlite3', 'busy timeout', forMs),
    ],
  };
}

/** Each sample begins with a file of its own: a log keeps the length it once had. */
function saturating(
  role: 'ours' | 'peer',
  name: string,
  packageName: string,
  method: Method,
  forMs: number,
): Contestant {
  return {
    name,
    version: versionOf(packageName),
    role,
    check: () => Promise.resolve(),
    begin: () =>
      Promise.resolve({
        sample: () => sizesWhileWriting({ method, processes: 4, workload: WORKLOAD }, forMs),
        end: () => Promise.resolve(),
      }),
  };
}

async function sizesWhileWriting(order: FleetOrder, forMs: number): Promise<readonly number[]> {
  const fleet = new Fleet();
  await fleet.start(order);
  const size = (): number => statSync(`${fleet.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  let largest = 0;
  const looking = setInterval(() => {
    largest = Math.max(largest, size());
  }, LOOK_MS);
  try {
    const { writers } = await fleet.write(forMs);
    const last = size();
    const committed = writers.reduce((sum, writer) => sum + writer.committed, 0);
    return [Math.max(largest, last) / MEGABYTE, last / MEGABYTE, (committed / forMs) * 1_000];
  } finally {
    clearInterval(looking);
    await fleet.end();
  }
}
