import type { ServiceSnapshot } from '@hive/shared-db';
import { listProcesses, runtimeDirectory } from '@hive/shared-db/presence';
import { EXIT, type ExitCode } from './exit-code.ts';
import { say, type Invocation } from './invocation.ts';
import { safe } from './render/safe-text.ts';

/** A process that said how it is. */
export interface Answered {
  readonly pid: number;
  readonly snapshot: ServiceSnapshot;
}

/** A process that is there and said nothing usable. */
export interface Unreachable {
  readonly pid: number;
  readonly state: 'silent' | 'refused' | 'rubbish';
  readonly reason: string;
}

/** What all processes of this user and host said at one moment. */
export interface Inquiry {
  readonly directory: string;
  readonly answered: readonly Answered[];
  readonly unreachable: readonly Unreachable[];
}

/** Asks every process. Rejects with a `DatabaseError` where the runtime directory cannot be trusted. */
export async function inquire(invocation: Pick<Invocation, 'runtimeDirectory' | 'timeoutMs'>): Promise<Inquiry> {
  const directory = runtimeDirectory(invocation.runtimeDirectory);
  const reports = await listProcesses({ directory, timeoutMs: invocation.timeoutMs });
  const answered: Answered[] = [];
  const unreachable: Unreachable[] = [];
  for (const report of reports) {
    const { pid } = report;
    if (report.state === 'answered') answered.push({ pid, snapshot: report.snapshot });
    else unreachable.push({ pid, state: report.state, reason: report.reason });
  }
  return { directory, answered, unreachable };
}

/** Says on standard error what is missing from a document: that nobody is there, and who gave no usable answer. */
export function announce(invocation: Pick<Invocation, 'io'>, inquiry: Inquiry): void {
  announceAbsence(invocation, inquiry);
  for (const { pid, reason } of inquiry.unreachable)
    say(invocation, `process ${pid} gives no usable answer: ${safe(reason)}`);
}

/** Says on standard error that nobody is there, when that is so. */
export function announceAbsence(invocation: Pick<Invocation, 'io'>, inquiry: Inquiry): void {
  const { directory, answered, unreachable } = inquiry;
  if (answered.length + unreachable.length > 0) return;
  say(invocation, `no process found in ${safe(directory)}; one is there as long as it has its database service open`);
}

/** `undetermined` where processes are there and none answered. */
export function outcomeOf({ answered, unreachable }: Inquiry): ExitCode {
  return answered.length === 0 && unreachable.length > 0 ? EXIT.undetermined : EXIT.fine;
}
