import { versionOf } from '../../machine.ts';
import { percentile } from '../../median.ts';
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
      return { sample: () => lateness(() => call(stage)), end: () => stage.end() };
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
        sample: () => lateness(() => new Promise((resolve) => setImmediate(resolve))),
        end: () => Promise.resolve(),
      }),
  };
}

async function lateness(call: () => Promise<unknown>): Promise<readonly number[]> {
  const late: number[] = [];
  const end = performance.now() + LOOP_MS;
  const arm = (): void => {
    const due = performance.now() + 1;
    setTimeout(() => {
      late.push(Math.max(0, performance.now() - due));
      if (performance.now() < end) arm();
    }, 1);
  };
  arm();
  while (performance.now() < end) await call();
  return [percentile(late, 0.99), Math.max(...late)];
}
