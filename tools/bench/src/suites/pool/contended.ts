import type { Scenario } from '../../scenario.ts';
import { steadyEntrant } from './entrant.ts';
import { everybodyAndTracked } from './line-up.ts';

const CALLERS = 100;
const CONNECTIONS = 10;

export function contendedScenario(): Scenario {
  const setting = { max: CONNECTIONS, idle: CONNECTIONS, connectMs: 0 };
  return {
    name: 'contended',
    about: `${CALLERS} callers over ${CONNECTIONS} connections, again and again: await acquire, one await, release. Processor time.`,
    measures: [{ name: 'time a cycle', unit: 'ns', better: 'lower' }],
    contestants: everybodyAndTracked.map((peer) =>
      steadyEntrant(peer, setting, async ({ loops, pool }, cycles) => loops.contended(pool, CALLERS, cycles)),
    ),
  };
}
