import type { Scenario } from '../../scenario.ts';
import { IMMEDIATE, inserting } from '../sqlite/inserting.ts';
import type { Durability } from '../sqlite/stage.ts';

/** How many callers write at once. */
const CALLERS = 64;
const ROUNDS = 31;

/** Writes that come together, again and again. */
export function togetherScenario(durability: Durability): Scenario {
  return {
    name: `${CALLERS} at once, ${durability}`,
    about: `${CALLERS} callers write a row each at the same moment, durability ${durability}: write against as many transaction().immediate.`,
    against: IMMEDIATE,
    measures: [{ name: 'time each', unit: 'us', better: 'lower' }],
    rounds: ROUNDS,
    contestants: inserting(durability, CALLERS, async (write, count) => {
      for (let done = 0; done < count; done += CALLERS) await Promise.all(Array.from({ length: CALLERS }, write));
    }),
  };
}
