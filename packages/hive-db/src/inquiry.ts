import type { ServiceSnapshot } from '@hive/shared-db';
import {
  listProcesses,
  listRecordings,
  locateProcesses,
  runtimeDirectory,
  type ListOptions,
  type Recording,
} from '@hive/shared-db/presence';
import { EXIT, type ExitCode } from './exit-code.ts';
import { say, type Invocation } from './invocation.ts';
import { safe } from './render/safe-text.ts';

/** A process that said how it is. */
export interface Answered {
  readonly pid: number;
  readonly snapshot: ServiceSnapshot;
}

/** The same, with the name of its socket: it can be told something. */
export interface Located extends Answered {
  readonly socket: string;
}

/** A process that is there and said nothing usable. */
export interface Unreachable {
  readonly pid: number;
  readonly state: 'silent' | 'refused' | 'rubbish';
  readonly reason: string;
}

/** A process that said how it was over the last minutes. */
export interface Recorded {
  readonly pid: number;
  readonly recording: Recording;
}

/** What all processes of this user and host said at one moment. */
interface Responses<A> {
  readonly directory: string;
  readonly answered: readonly A[];
  readonly unreachable: readonly Unreachable[];
}

export type Inquiry = Responses<Answered>;
export type LocatedInquiry = Responses<Located>;
export type RecordingInquiry = Responses<Recorded>;

type Where = Pick<Invocation, 'runtimeDirectory' | 'timeoutMs'>;

/**
 * Asks every process. Rejects with a `DatabaseError` where the runtime directory cannot be trusted, and with the reason of the signal as
 * soon as that aborts.
 */
export async function inquire(where: Where, signal?: AbortSignal): Promise<Inquiry> {
  return responses<Answered>(where, (options) => listProcesses({ ...options, signal }));
}

/** Asks every process, so that they can be told something. Rejects as `inquire` does. */
export async function locate(where: Where): Promise<LocatedInquiry> {
  return responses<Located>(where, locateProcesses);
}

/** Asks every process for its recording. Rejects as `inquire` does. */
export async function inquireRecordings(where: Where): Promise<RecordingInquiry> {
  return responses<Recorded>(where, listRecordings);
}

async function responses<A>(
  where: Where,
  list: (options: ListOptions) => Promise<readonly ((A & { readonly state: 'answered' }) | Unreachable)[]>,
): Promise<Responses<A>> {
  const directory = runtimeDirectory(where.runtimeDirectory);
  const answered: A[] = [];
  const unreachable: Unreachable[] = [];
  for (const report of await list({ directory, timeoutMs: where.timeoutMs })) {
    if (report.state === 'answered') answered.push(report);
    else unreachable.push({ pid: report.pid, state: report.state, reason: report.reason });
  }
  return { directory, answered, unreachable };
}

/** Says on standard error what is missing from a document: that nobody is there, and who gave no usable answer. */
export function announce(invocation: Pick<Invocation, 'io'>, inquiry: Responses<unknown>): void {
  announceAbsence(invocation, inquiry);
  for (const { pid, reason } of inquiry.unreachable)
    say(invocation, `process ${pid} gives no usable answer: ${safe(reason)}`);
}

/** Says on standard error that nobody is there, when that is so. */
export function announceAbsence(invocation: Pick<Invocation, 'io'>, inquiry: Responses<unknown>): void {
  const { directory, answered, unreachable } = inquiry;
  if (answered.length + unreachable.length > 0) return;
  say(invocation, `no process found in ${safe(directory)}; one is there as long as it has its database service open`);
}

/** `undetermined` where processes are there and none answered. */
export function outcomeOf({ answered, unreachable }: Responses<unknown>): ExitCode {
  return answered.length === 0 && unreachable.length > 0 ? EXIT.undetermined : EXIT.fine;
}
