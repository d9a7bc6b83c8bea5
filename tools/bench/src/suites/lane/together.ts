import type { Scenario } from '../../scenario.ts';
import { IMMEDIATE, inserting } from '../sqlite/inserting.ts';
import type { Durability } from '../sqlite/stage.ts';

/** How many callers write at once. */
const CALLERS = 64;
/**
 * How often they do in one sample. A few times would be over before what runs for the first time after another contestant has found its
 * way back into the caches of the processor.
 */
const TIMES: Readonly<Record<Durability, number>> = { normal: 64, full: 16 };
const ROUNDS = 31;

/** Writes that come together, again and again. */
export function togetherScenario(durability: Durability): Scenario {
  return {
    name: `${CALLERS} at once, ${durability}`,
    about: `${CALLERS} callers write a row each at the same moment, durability ${durability}: write against as many transaction().immediate.`,
    against: IMMEDIATE,
    measures: [{ name: 'time each', unit: 'us', better: 'lower' }],
    rounds: ROUNDS,
    contestants: inserting(durability, CALLERS * TIMES[durability], async (write, count) => {
      for (let done = 0; done < count; done += CALLERS) await Promise.all(Array.from({ length: CALLERS }, write));
    }),
  };
}
