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
  return {
    directory,
    answered: reports.flatMap((report) =>
      report.state === 'answered' ? { pid: report.pid, snapshot: report.snapshot } : [],
    ),
    unreachable: reports.flatMap((report) =>
      report.state === 'answered' ? [] : { pid: report.pid, state: report.state, reason: report.reason },
    ),
  };
}

/** Says on standard error what no document would make a person look for: that nobody is there, and who does not answer. */
export function announce(invocation: Pick<Invocation, 'io'>, inquiry: Inquiry): void {
  const { directory, answered, unreachable } = inquiry;
  if (answered.length + unreachable.length === 0)
    say(invocation, `no process found in ${safe(directory)}; one is there as long as it has its database service open`);
  for (const { pid, reason } of unreachable) say(invocation, `process ${pid} does not say how it is: ${safe(reason)}`);
}

/** `undetermined` where processes are there and none answered. */
export function outcomeOf({ answered, unreachable }: Inquiry): ExitCode {
  return answered.length === 0 && unreachable.length > 0 ? EXIT.undetermined : EXIT.fine;
}
