import type { ServiceSnapshot } from '@hive/shared-db';
import { count, duration } from '../render/figures.ts';
import type { Finding } from './finding.ts';

type Remark = Pick<Finding, 'severity' | 'code' | 'database' | 'evidence' | 'advice'>;

/** What stands out in reading beside the main thread of a process. Pure. */
export function remarksOnOffload({ offload: { threads } }: ServiceSnapshot): readonly Remark[] {
  const { limit, stuck, running } = threads;
  // Longest first. A process that nobody waits for is killed: only threads get stuck.
  const worst = running.find((one) => one.stuck);
  if (worst === undefined) return [];
  const { database, label, statement, runningMs } = worst;
  // Each that is stuck may have one spare.
  const isLost = stuck >= 2 * limit;
  const rest = isLost ? 'none is left: offload refuses' : `${count(2 * limit - stuck, 'is', 'are')} left`;
  return [
    {
      severity: isLost ? 'error' : 'warning',
      code: 'stuck-read',
      database,
      evidence: `${count(stuck, 'thread')} of ${2 * limit}, spares included, in a statement that nobody waits for any more, "${label}" for ${duration(runningMs / 1_000)}: ${statement}; ${rest}`,
      advice:
        'nothing ends a thread in the middle of a statement: give it an index or a limit, or read it with isolation process, which ends at its deadline',
    },
  ];
}
