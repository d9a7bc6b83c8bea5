import type { Scenario } from '../../scenario.ts';
import { freshEntrant, type Stage } from './entrant.ts';
import { everybody } from './line-up.ts';

const SIZE = 16;
const CALLERS = 50;
const CONNECT_MS = 150;
const HELD_MS = 50;
const IDEAL_MS = CONNECT_MS + Math.ceil(CALLERS / SIZE) * HELD_MS;

export function coldRampScenario(): Scenario {
  const setting = { max: SIZE, idle: 0, connectMs: CONNECT_MS };
  return {
    name: 'cold ramp',
    about: `${CALLERS} requests at once, nothing open, ${SIZE} allowed, ${CONNECT_MS} ms to connect, ${HELD_MS} ms held: ${IDEAL_MS} ms at best.`,
    measures: [{ name: 'all served', unit: 'ms', better: 'lower' }],
    contestants: everybody.map((peer) => freshEntrant(peer, setting, run)),
    rounds: 5,
  };
}

async function run({ loops, pool }: Stage): Promise<readonly number[]> {
  const start = performance.now();
  await loops.burst(pool, CALLERS, hold);
  return [performance.now() - start];
}

async function hold(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, HELD_MS);
  });
}
