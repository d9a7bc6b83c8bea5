import { systemClock, type Clock } from '@hive/pool/clock';
import { join } from 'node:path';
import type { ServiceSnapshot } from '../snapshot.ts';
import { AnswerRoom } from './answer-room.ts';
import { ask, type Failure, type Heard } from './ask.ts';
import { inheritedSockets } from './inherited-sockets.ts';
import { looksGone, type ProcessIdentity } from './process-identity.ts';
import { decodeAnswer, encodeRequest, MAX_ANSWERS_BYTES, type DecodedAnswer, type Verb } from './protocol.ts';
import type { Recording } from './recording.ts';
import { namesInRuntimeDirectory } from './runtime-directory.ts';
import { parseSocketName } from './socket-name.ts';

/** Where to look, and how long to wait for each process. */
export interface ListOptions {
  /** What `runtimeDirectory` returned. */
  readonly directory: string;
  /** How long each, and so all of them, may take. Default 1,000 ms: who is not stuck answers in a few. */
  readonly timeoutMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Ends the asking at once, and then nothing is returned. */
  readonly signal?: AbortSignal | undefined;
}

/** What one process said, or why there is nothing. */
type Report<A> = { readonly pid: number } & (({ readonly state: 'answered' } & A) | Failure);

/** How one process is. */
export type ProcessReport = Report<{ readonly snapshot: ServiceSnapshot }>;

/** The same, with the name of its socket, by which it is told something. */
export type LocatedReport = Report<{ readonly snapshot: ServiceSnapshot; readonly socket: string }>;

/** How one process was over the last minutes. */
export type RecordingReport = Report<{ readonly recording: Recording }>;

/**
 * Asks every process in the runtime directory, all at once, and returns what they said in the order of their numbers; of several with
 * one number, as containers have them, the one that is of this container comes first. A missing directory means that there are none. What dead processes left behind is left out and left alone.
 *
 * Rejects with `PATH` or `PERMISSION` only where the directory itself cannot be trusted; a bad socket is a report. Rejects with the
 * reason of the signal when that aborts.
 */
export function listProcesses(options: ListOptions): Promise<readonly ProcessReport[]> {
  return askAll('snapshot', options, (answer) =>
    answer.kind === 'snapshot' ? { snapshot: answer.snapshot } : undefined,
  );
}

/** The same, for who wants to tell them something: a number of a process may stand for several, a socket only for one. */
export function locateProcesses(options: ListOptions): Promise<readonly LocatedReport[]> {
  return askAll('snapshot', options, (answer, socket) =>
    answer.kind === 'snapshot' ? { snapshot: answer.snapshot, socket } : undefined,
  );
}

/** Asks every process for its recording, as `listProcesses` asks for its snapshot. */
export function listRecordings(options: ListOptions): Promise<readonly RecordingReport[]> {
  return askAll('recording', options, (answer) =>
    answer.kind === 'recording' ? { recording: answer.recording } : undefined,
  );
}

/** `pick` takes out of an answer what was asked for. */
async function askAll<A extends object>(
  verb: Verb,
  { directory, timeoutMs = 1_000, clock = systemClock, signal }: ListOptions,
  pick: (answer: DecodedAnswer, socket: string) => A | undefined,
): Promise<readonly Report<A>[]> {
  signal?.throwIfAborted();
  const sockets = namesInRuntimeDirectory(directory).flatMap((name) => {
    const identity = parseSocketName(name);
    return identity === undefined ? [] : [{ name, identity, elsewhere: looksGone(identity) }];
  });
  const inherited = inheritedSockets(
    directory,
    sockets.filter(({ elsewhere }) => elsewhere),
  );
  const room = new AnswerRoom(MAX_ANSWERS_BYTES);
  const reports = await Promise.all(
    sockets
      .filter(({ name }) => !inherited.has(name))
      .map(async ({ name, identity, elsewhere }) => {
        const heard = await ask(join(directory, name), encodeRequest(verb), { timeoutMs, clock, signal, room });
        const report = reportOf(identity, heard, (answer) => pick(answer, name));
        return report === undefined ? [] : [{ report, elsewhere }];
      }),
  );
  signal?.throwIfAborted();
  return reports
    .flat()
    .toSorted((a, b) => a.report.pid - b.report.pid || Number(a.elsewhere) - Number(b.elsewhere))
    .map(({ report }) => report);
}

/** Undefined where the process has gone: its number would only mislead. */
function reportOf<A extends object>(
  identity: ProcessIdentity,
  heard: Heard,
  pick: (answer: DecodedAnswer) => A | undefined,
): Report<A> | undefined {
  const { pid } = identity;
  if (heard === 'absent' || (heard === 'unattended' && hasEnded(identity))) return undefined;
  if (heard === 'unattended') return { pid, state: 'refused', reason: 'nobody listens on its socket' };
  if ('state' in heard) return { pid, ...heard };
  const answer = decodeAnswer(heard.line);
  const picked = pick(answer);
  return picked === undefined ? { pid, ...failureIn(answer) } : { pid, state: 'answered', ...picked };
}

/** On Linux nobody is refused by somebody who listens: the process has ended, or become another program, which closes its sockets. */
function hasEnded(identity: ProcessIdentity): boolean {
  return process.platform === 'linux' || looksGone(identity);
}

function failureIn(answer: DecodedAnswer): Failure {
  if (answer.kind === 'refusal') return { state: 'refused', reason: answer.message };
  return { state: 'rubbish', reason: answer.kind === 'rubbish' ? answer.reason : 'it answered another question' };
}
