import type { Scenario } from '../../scenario.ts';
import { freshEntrant, type Stage } from './entrant.ts';
import { everybody } from './line-up.ts';

const CONNECTIONS = 10;
const WAITERS = 10_000;

export function deepQueueScenario(): Scenario {
  const setting = { max: CONNECTIONS, idle: CONNECTIONS, connectMs: 0 };
  return {
    name: 'deep queue',
    about: `${WAITERS} callers queue up behind ${CONNECTIONS} connections; each holds one for a turn of the event loop.`,
    measures: [{ name: 'all served', unit: 'ms', better: 'lower' }],
    contestants: everybody.map((peer) => freshEntrant(peer, setting, run)),
  };
}

async function run({ loops, pool }: Stage): Promise<readonly number[]> {
  const start = performance.now();
  await loops.burst(pool, CONNECTIONS + WAITERS, turn);
  return [performance.now() - start];
}

async function turn(): Promise<void> {
  await new Promise(setImmediate);
}
