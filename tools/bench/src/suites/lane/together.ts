import type { Scenario } from '../../scenario.ts';
import { contestant } from '../sqlite/contestant.ts';
import { openBare, openService, type Durability } from '../sqlite/stage.ts';

const INSERT = 'INSERT INTO entry (text, number) VALUES (?, ?)';
/** How many callers write at once. */
const CALLERS = 64;

/** Writes that come together, again and again. */
export function togetherScenario(durability: Durability): Scenario {
  const times = CALLERS * (durability === 'full' ? 4 : 16);
  return {
    name: `${CALLERS} at once, ${durability}`,
    about: `${CALLERS} callers write a row each at the same moment, durability ${durability}: write against as many transaction().immediate.`,
    measures: [{ name: 'time each', unit: 'us', better: 'lower' }],
    rounds: 101,
    contestants: [
      contestant('ours', 'write', times, async () => {
        const stage = await openService(durability);
        const run = async (count: number): Promise<void> => {
          for (let done = 0; done < count; done += CALLERS)
            await Promise.all(
              Array.from({ length: CALLERS }, async (_, n) =>
                stage.database.write('add entry', (tx) => tx.run(INSERT, 'some text', n)),
              ),
            );
        };
        return { run, end: () => stage.end() };
      }),
      contestant('peer', 'better-sqlite3 immediate', times, async () => {
        const stage = openBare(durability);
        const insert = stage.writer.prepare(INSERT);
        const add = stage.writer.transaction((number: number) => insert.run('some text', number));
        const run = (count: number): void => {
          for (let n = 0; n < count; n++) add.immediate(n);
        };
        return Promise.resolve({ run, end: () => stage.end() });
      }),
    ],
  };
}
