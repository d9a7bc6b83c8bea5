import { judge, type Reason } from '@hive/shared-db/health';
import { lastingOf } from '../documents/lasting.ts';
import type { Answered } from '../inquiry.ts';
import { worstFirst, type Finding } from './finding.ts';
import { remarksOnOffload } from './offload.ts';
import { remarksOn, remarksOnLabels } from './performance.ts';
import { withRemedy } from './remedy.ts';

/** Everything that stands out in one process: what is wrong now, and what its counters tell. Pure. Worst first. */
export function analyse({ pid, snapshot }: Answered): readonly Finding[] {
  const where = { process: { pid, app: snapshot.app }, file: null };
  const findings = [
    ...judge(snapshot).reasons.map((reason) => ({ ...where, ...ofReason(reason) })),
    ...snapshot.databases.flatMap((database) =>
      remarksOn(database).map((remark) => ({ ...where, database: database.name, ...remark })),
    ),
    ...remarksOnOffload(snapshot).map((remark) => ({ ...where, ...remark })),
    ...remarksOnLabels(snapshot).map((remark) => ({ ...where, database: null, ...remark })),
  ];
  return worstFirst(findings.map((finding) => withRemedy(finding)));
}

function ofReason(reason: Reason): Omit<Finding, 'process' | 'file' | 'command'> {
  const { status, code, database = null, evidence, advice } = reason;
  const severity = status === 'fail' ? 'error' : 'warning';
  return { severity, code, database, ...lastingOf(reason), evidence, advice };
}
