import type { Scenario } from '../../scenario.ts';
import { steadyEntrant } from './entrant.ts';
import { everybodyAndTracked } from './line-up.ts';

export function serialScenario(): Scenario {
  const setting = { max: 10, idle: 1, connectMs: 0 };
  return {
    name: 'serial',
    about: 'One caller, again and again: await acquire, release. Processor time.',
    measures: [{ name: 'time a cycle', unit: 'ns', better: 'lower' }],
    contestants: everybodyAndTracked.map((peer) =>
      steadyEntrant(peer, setting, async ({ loops, pool }, cycles) => loops.serial(pool, cycles)),
    ),
  };
}
