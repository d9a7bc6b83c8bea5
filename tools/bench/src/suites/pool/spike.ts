import type { Scenario } from '../../scenario.ts';
import { freshEntrant, type Stage } from './entrant.ts';
import { everybody } from './line-up.ts';

const IDLE = 5;
const CALLERS = 50;
const CONNECT_MS = 150;
const HELD_MS = 2;

export function spikeScenario(): Scenario {
  const setting = { max: CALLERS, idle: IDLE, connectMs: CONNECT_MS };
  return {
    name: 'spike',
    about: `${CALLERS} requests at once, ${IDLE} connections idle, ${CALLERS} allowed, ${CONNECT_MS} ms to connect, ${HELD_MS} ms held.`,
    measures: [
      { name: 'connections opened', unit: 'connections', better: 'lower' },
      { name: 'all served', unit: 'ms', better: 'lower' },
    ],
    contestants: everybody.map((peer) => freshEntrant(peer, setting, run)),
    rounds: 5,
  };
}

async function run({ loops, pool, server }: Stage): Promise<readonly number[]> {
  const before = server.attempts;
  const start = performance.now();
  await loops.burst(pool, CALLERS, async () => pause(HELD_MS));
  const servedMs = performance.now() - start;
  const opened = server.attempts - before;
  // What is still connecting arrives first, then the pool can be closed.
  await pause(CONNECT_MS + 50);
  return [opened, servedMs];
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
