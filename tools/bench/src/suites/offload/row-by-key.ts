import type { Scenario } from '../../scenario.ts';
import { contestant } from '../sqlite/contestant.ts';
import { openBare, openService, ROWS } from '../sqlite/stage.ts';

const BY_KEY = 'SELECT * FROM item WHERE id = ?';
const IN_FLIGHT = 64;

/** What is not worth a thread: what does it cost all the same? */
export function rowByKeyScenario(): Scenario {
  const times = 4_096;
  return {
    name: 'row by key, 64 in flight',
    about:
      'One row of six columns by its key, 64 callers each after its last: offload against a prepared statement here.',
    measures: [{ name: 'time each', unit: 'us', better: 'lower' }],
    rounds: 101,
    contestants: [
      contestant('ours', 'offload', times, async () => {
        const stage = await openService('normal');
        const run = async (count: number): Promise<void> => {
          let next = 0;
          const caller = async (): Promise<void> => {
            while (next < count) await stage.database.offload('item by key', BY_KEY, [(next++ % ROWS) + 1]);
          };
          await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
        };
        return { run, end: () => stage.end() };
      }),
      contestant('peer', 'better-sqlite3 get', times, async () => {
        const stage = openBare('normal');
        const statement = stage.reader.prepare(BY_KEY);
        const run = (count: number): void => {
          for (let i = 0; i < count; i++) statement.get((i % ROWS) + 1);
        };
        return Promise.resolve({ run, end: () => stage.end() });
      }),
    ],
  };
}
