import type { Scenario } from '../../scenario.ts';
import { IMMEDIATE, inserting } from './inserting.ts';
import type { Durability } from './stage.ts';

/** SQLite brings its log into the file every thousand commits, and we do beside them: a sample holds that several times, not now and then. */
const WRITES_A_SAMPLE = 3_000;

export function writeScenario(durability: Durability): Scenario {
  return {
    name: `write, ${durability}`,
    about: `One row in a transaction of its own, one at a time, durability ${durability}: write against transaction().immediate.`,
    against: IMMEDIATE,
    measures: [{ name: 'time each', unit: 'us', better: 'lower' }],
    rounds: durability === 'full' ? 21 : 101,
    contestants: inserting(durability, WRITES_A_SAMPLE, async (write, count) => {
      for (let i = 0; i < count; i++) await write();
    }),
  };
}
