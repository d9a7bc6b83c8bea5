import { versionOf } from '../../machine.ts';
import type { Contestant } from '../../scenario.ts';

/** One side of a scenario, ready to do its work some number of times. */
export interface Worker {
  run(times: number): void | Promise<void>;
  end(): Promise<void>;
}

/** The package that a side is, unless it is another library. */
export function packageOf(role: Contestant['role']): string {
  return role === 'ours' ? '@hive/shared-db' : 'better-sqlite3';
}

/**
 * How long one sample takes at least, whoever is measured. Of one that is over in a fraction of that most would be what the others have
 * left behind: caches, garbage, and a disk that still writes what is theirs.
 */
const SAMPLE_MS = 80;

/**
 * Makes a contestant of a side: a sample is the time of one piece of work in microseconds, the mean of `times`, and of as many times that
 * as a sample has room for.
 */
export function contestant(
  role: 'ours' | 'peer',
  name: string,
  times: number,
  open: () => Promise<Worker>,
  packageName = packageOf(role),
): Contestant {
  const start = async (): Promise<Worker> => {
    const worker = await open();
    await worker.run(times);
    return worker;
  };
  return {
    name,
    version: versionOf(packageName),
    role,
    check: async () => {
      const worker = await start();
      await worker.end();
    },
    begin: async () => {
      const worker = await start();
      const count = times * (await repetitions(worker, times));
      return {
        sample: async () => [((await timed(worker, count)) / count) * 1_000],
        end: () => worker.end(),
      };
    },
  };
}

/** How often `times` fit into a sample, when all is compiled. */
async function repetitions(worker: Worker, times: number): Promise<number> {
  const end = performance.now() + SAMPLE_MS;
  while (performance.now() < end) await worker.run(times);
  return Math.ceil(SAMPLE_MS / (await timed(worker, times)));
}

/** Runs it; resolves with how many milliseconds that took. */
async function timed(worker: Worker, times: number): Promise<number> {
  const from = performance.now();
  await worker.run(times);
  return performance.now() - from;
}
