import type { Scenario } from '../../scenario.ts';
import { steadyEntrant, type Stage } from './entrant.ts';
import { synchronous } from './line-up.ts';

export function synchronousScenario(): Scenario {
  const setting = { max: 10, idle: 1, connectMs: 0 };
  return {
    name: 'synchronous',
    about:
      'One caller, no promise: tryAcquire, release. Processor time. No peer has such a path: beside it stands what timing alone costs.',
    measures: [{ name: 'rate', unit: 'million/s', better: 'higher' }],
    contestants: synchronous.map((peer) => steadyEntrant(peer, setting, run, (ns) => 1_000 / ns)),
  };
}

function run({ loops, pool }: Stage, cycles: number): void {
  if (pool.tryAcquire === undefined) throw new Error('has no synchronous path');
  loops.synchronous(pool.tryAcquire, pool, cycles);
}
