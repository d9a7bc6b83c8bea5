import type { Scenario } from '../../scenario.ts';
import { contestant } from './contestant.ts';
import { openBare, openService, type Durability } from './stage.ts';

const INSERT = 'INSERT INTO entry (text, number) VALUES (?, ?)';

export function writeScenario(durability: Durability): Scenario {
  const times = durability === 'full' ? 100 : 1_000;
  return {
    name: `write, ${durability}`,
    about: `One row in a transaction of its own, one at a time, durability ${durability}: write against transaction().immediate.`,
    measures: [{ name: 'time each', unit: 'us', better: 'lower' }],
    rounds: 101,
    contestants: [
      contestant('ours', 'write', times, async () => {
        const stage = await openService(durability);
        const run = async (count: number): Promise<void> => {
          for (let i = 0; i < count; i++)
            await stage.database.write('add entry', (tx) => tx.run(INSERT, 'some text', i));
        };
        return { run, end: () => stage.end() };
      }),
      contestant('peer', 'better-sqlite3 immediate', times, async () => {
        const stage = openBare(durability);
        const insert = stage.writer.prepare(INSERT);
        const add = stage.writer.transaction((number: number) => insert.run('some text', number));
        const run = (count: number): void => {
          for (let i = 0; i < count; i++) add.immediate(i);
        };
        return Promise.resolve({ run, end: () => stage.end() });
      }),
    ],
  };
}
