import { versionOf } from '../../machine.ts';
import { median } from '../../median.ts';
import type { Contestant, Scenario } from '../../scenario.ts';
import { openBare, openService } from '../sqlite/stage.ts';

const THOUSAND = 'SELECT * FROM item WHERE id >= ? LIMIT 1000';
const TIMES = 32;

/** Gets a thousand rows, as many times. */
interface Getter {
  /** One after the other where that is what is measured. */
  readonly all: (times: number) => Promise<void>;
  readonly one: (from: number) => Promise<unknown>;
  readonly end: () => Promise<void>;
}

/** How long a thousand rows take, and for how long nothing else can be done meanwhile. */
export function thousandRowsScenario(): Scenario {
  return {
    name: 'thousand rows',
    about: 'A thousand rows of six columns: the time of each, and the longest turn of the event loop meanwhile.',
    measures: [
      { name: 'time each', unit: 'us', better: 'lower' },
      { name: 'main thread stands still', unit: 'us', better: 'lower' },
    ],
    rounds: 51,
    contestants: [
      offloading('offload, two threads, 16 in flight', 2, 16),
      offloading('offload, one thread, 16 in flight', 1, 16),
      offloading('offload, one at a time', 1, 1),
      getting('peer', 'better-sqlite3 all', () => {
        const stage = openBare('normal');
        const statement = stage.reader.prepare(THOUSAND);
        const one = (from: number): Promise<unknown> => Promise.resolve(statement.all(from));
        const all = async (times: number): Promise<void> => {
          for (let i = 1; i <= times; i++) await one(i);
        };
        return Promise.resolve({ all, one, end: () => stage.end() });
      }),
    ],
  };
}

function offloading(name: string, workers: number, inFlight: number): Contestant {
  return getting('ours', name, async () => {
    const stage = await openService('normal', true, workers);
    const one = (from: number): Promise<unknown> => stage.database.offload('a thousand items', THOUSAND, [from]);
    const all = async (times: number): Promise<void> => {
      let next = 0;
      const caller = async (): Promise<void> => {
        while (next < times) await one(++next);
      };
      await Promise.all(Array.from({ length: inFlight }, caller));
    };
    return { all, one, end: () => stage.end() };
  });
}

function getting(role: 'ours' | 'peer', name: string, open: () => Promise<Getter>): Contestant {
  return {
    name,
    version: versionOf(role === 'ours' ? '@hive/shared-db' : 'better-sqlite3'),
    role,
    check: () => Promise.resolve(),
    begin: async () => {
      const { all, one, end } = await open();
      await all(TIMES);
      return {
        sample: async () => {
          const from = performance.now();
          await all(TIMES);
          const each = (performance.now() - from) / TIMES;
          const stalls: number[] = [];
          for (let i = 1; i <= TIMES; i++) stalls.push(await longestTurn(() => one(i)));
          return [each * 1_000, median(stalls) * 1_000];
        },
        end,
      };
    },
  };
}

/** The longest turn of the event loop while a call is under way, its beginning and its end included. On a busy machine that is the system's. */
async function longestTurn(call: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let over = false;
  const turn = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  await call();
  over = true;
  // The turn in which it ended.
  await new Promise((resolve) => setImmediate(resolve));
  return longest;
}
