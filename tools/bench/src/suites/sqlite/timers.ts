import { lateness } from '../../lateness.ts';
import { versionOf } from '../../machine.ts';
import type { Contestant, Scenario } from '../../scenario.ts';
import { openService, type Durability, type ServiceStage } from './stage.ts';

const LOOP_MS = 1_000;

/** How late a timer of one millisecond comes while a loop awaits one database call after the other. */
export function timersScenario(): Scenario {
  return {
    name: 'timers beside a tight loop',
    about: 'A loop of awaited calls runs in promise reactions alone: how late does a 1 ms timer come?',
    measures: [
      { name: 'late, p99', unit: 'ms', better: 'lower' },
      { name: 'late, worst', unit: 'ms', better: 'lower' },
    ],
    contestants: [
      idle(),
      loop('read', 'normal', ({ database }) => database.read('item', (c) => c.get('SELECT * FROM item WHERE id = 1'))),
      ...(['normal', 'full'] as const).map((durability) =>
        loop('write', durability, ({ database }) =>
          database.write('add entry', (tx) => tx.run('INSERT INTO entry (text, number) VALUES (?, 1)', 'text')),
        ),
      ),
    ],
    rounds: 5,
  };
}

function loop(what: string, durability: Durability, call: (stage: ServiceStage) => Promise<unknown>): Contestant {
  return {
    name: `${what}, ${durability}`,
    version: versionOf('@hive/shared-db'),
    role: 'ours',
    check: () => Promise.resolve(),
    begin: async () => {
      const stage = await openService(durability);
      return { sample: () => lateness(LOOP_MS, () => call(stage)), end: () => stage.end() };
    },
  };
}

/** What the machine itself does to a timer when nothing runs beside it. */
function idle(): Contestant {
  return {
    name: 'nothing beside it',
    version: process.version,
    role: 'floor',
    check: () => Promise.resolve(),
    begin: () =>
      Promise.resolve({
        sample: () => lateness(LOOP_MS, () => new Promise((resolve) => setImmediate(resolve))),
        end: () => Promise.resolve(),
      }),
  };
}
