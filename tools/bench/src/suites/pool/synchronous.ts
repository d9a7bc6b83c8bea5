import type { Scenario } from '../../scenario.ts';
import { steadyEntrant, type Stage } from './entrant.ts';
import { everybodyAndNoPool } from './line-up.ts';

export function synchronousScenario(): Scenario {
  const setting = { max: 10, idle: 1, connectMs: 0 };
  return {
    name: 'synchronous',
    about:
      'One caller, no promise: tryAcquire, release. Processor time. No peer has such a path: each is awaited, as its callers have to. Beside them stands what timing alone costs.',
    measures: [{ name: 'rate', unit: 'million/s', better: 'higher' }],
    contestants: everybodyAndNoPool.map((peer) => steadyEntrant(peer, setting, run, (ns) => 1_000 / ns)),
  };
}

function run({ loops, pool }: Stage, cycles: number): Promise<void> | void {
  if (pool.tryAcquire === undefined) return loops.serial(pool, cycles);
  return loops.synchronous(pool.tryAcquire, pool, cycles);
}
