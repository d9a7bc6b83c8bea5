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

/** Makes a contestant of a side: a sample is the time of one piece of work in microseconds. */
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
      return {
        sample: async () => {
          const from = performance.now();
          await worker.run(times);
          return [((performance.now() - from) / times) * 1_000];
        },
        end: () => worker.end(),
      };
    },
  };
}
