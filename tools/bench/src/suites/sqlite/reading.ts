import type { Contestant, Measure, Scenario } from '../../scenario.ts';
import { contestant } from './contestant.ts';
import { openBare, openService, ROWS } from './stage.ts';

const TIME: readonly Measure[] = [{ name: 'time each', unit: 'us', better: 'lower' }];
/** The sides differ by a few per cent: many short rounds see that, a few long ones see what else the machine did. */
const MANY = 201;
const BY_KEY = 'SELECT * FROM item WHERE id = ?';
const THOUSAND = 'SELECT * FROM item WHERE id >= ? LIMIT 1000';

export function pointReadScenario(): Scenario {
  const times = 1_000;
  return {
    name: 'row by key',
    about: 'One row of six columns by its key: readSync against a prepared statement.',
    measures: TIME,
    rounds: MANY,
    contestants: [
      readingByKey('readSync', times, true),
      readingByKey('readSync, unseen', times, false),
      contestant('peer', 'better-sqlite3 get', times, async () => {
        const stage = openBare('normal');
        const statement = stage.reader.prepare(BY_KEY);
        const run = (count: number): void => {
          for (let i = 1; i <= count; i++) statement.get((i % ROWS) + 1);
        };
        return Promise.resolve({ run, end: () => stage.end() });
      }),
    ],
  };
}

/** Whether other processes may find this one: what that costs is what lies between the two. */
function readingByKey(name: string, times: number, presence: boolean): Contestant {
  return contestant('ours', name, times, async () => {
    const stage = await openService('normal', presence);
    const run = (count: number): void => {
      for (let i = 1; i <= count; i++) stage.database.readSync('item by key', (c) => c.get(BY_KEY, (i % ROWS) + 1));
    };
    return { run, end: () => stage.end() };
  });
}

export function thousandRowsScenario(): Scenario {
  const times = 10;
  return {
    name: 'thousand rows',
    about: 'A thousand rows of six columns at once: readSync against a prepared statement.',
    measures: TIME,
    rounds: MANY,
    contestants: [
      contestant('ours', 'readSync', times, async () => {
        const stage = await openService('normal');
        const run = (count: number): void => {
          for (let i = 1; i <= count; i++) stage.database.readSync('a thousand items', (c) => c.all(THOUSAND, i));
        };
        return { run, end: () => stage.end() };
      }),
      contestant('peer', 'better-sqlite3 all', times, async () => {
        const stage = openBare('normal');
        const statement = stage.reader.prepare(THOUSAND);
        const run = (count: number): void => {
          for (let i = 1; i <= count; i++) statement.all(i);
        };
        return Promise.resolve({ run, end: () => stage.end() });
      }),
    ],
  };
}
