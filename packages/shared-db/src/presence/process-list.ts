import { systemClock, type Clock } from '@hive/pool';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ServiceSnapshot } from '../snapshot.ts';
import { AnswerRoom } from './answer-room.ts';
import { inheritedSockets } from './inherited-sockets.ts';
import { LineBuffer } from './line-buffer.ts';
import { socketOwner } from './probe.ts';
import { looksGone, type ProcessIdentity } from './process-identity.ts';
import {
  decodeAnswer,
  encodeRequest,
  MAX_ANSWER_BYTES,
  MAX_ANSWERS_BYTES,
  type DecodedAnswer,
  type Verb,
} from './protocol.ts';
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

/**
 * Why there is no snapshot: `silent` did not answer in time or hung up, `refused` did not want to, `rubbish` said something else.
 * The reason is a sentence of ours and safe to show.
 */
interface Failure {
  readonly state: 'silent' | 'refused' | 'rubbish';
  readonly reason: string;
}

/** What one process said, or why there is nothing. */
type Report<A> = { readonly pid: number } & (({ readonly state: 'answered' } & A) | Failure);

/** How one process is. */
export type ProcessReport = Report<{ readonly snapshot: ServiceSnapshot }>;

/** How one process was over the last minutes. */
export type RecordingReport = Report<{ readonly recording: Recording }>;

/** What came over one socket. `unattended`: there is a file, and nobody listens. */
type Heard = { readonly line: Uint8Array } | Failure | 'unattended' | 'absent';

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
  pick: (answer: DecodedAnswer) => A | undefined,
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
        const heard = await ask(join(directory, name), verb, { timeoutMs, clock, signal, room });
        const report = reportOf(identity, heard, pick);
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

/** How long an answer may take, what makes it unwanted, and the room for it. */
interface Asking {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** For all answers together. */
  readonly room: AnswerRoom;
}

/** Puts the question and gathers the answer. Never rejects, never takes longer than the timeout, and ends when the signal aborts. */
function ask(path: string, verb: Verb, { timeoutMs, clock, signal, room }: Asking): Promise<Heard> {
  const owner = socketOwner(path);
  if (owner === 'absent') return Promise.resolve('absent');
  if (owner === 'foreign') return Promise.resolve({ state: 'rubbish', reason: 'it is not a socket of this user' });
  return new Promise((resolve) => {
    const answer = new LineBuffer(MAX_ANSWER_BYTES);
    const socket = connect({ path, ...(signal && { signal }) });
    const settle = (heard: Heard): void => {
      deadline.cancel();
      sender.end(typeof heard === 'object' && 'line' in heard);
      socket.destroy();
      resolve(heard);
    };
    const deadline = clock.after(timeoutMs, () => {
      settle({ state: 'silent', reason: `there was no complete answer within ${timeoutMs} ms` });
    });
    const sender = room.enter(() => {
      settle({
        state: 'rubbish',
        reason: `the answers of all processes together are longer than ${MAX_ANSWERS_BYTES} bytes`,
      });
    });
    socket.on('connect', () => socket.write(encodeRequest(verb)));
    socket.on('data', (chunk: Uint8Array) => {
      sender.sent(chunk.length);
      const state = answer.push(chunk);
      if (state === 'too-long')
        settle({ state: 'rubbish', reason: `the answer is longer than ${MAX_ANSWER_BYTES} bytes` });
      else if (state !== 'incomplete') settle(state);
    });
    socket.on('end', () => {
      settle(
        answer.length === 0
          ? { state: 'silent', reason: 'it hung up without an answer' }
          : { state: 'rubbish', reason: 'the answer breaks off' },
      );
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      settle(failureOf(error.code));
    });
  });
}

function failureOf(code = 'unknown error'): Heard {
  switch (code) {
    case 'ENOENT':
      return 'absent';
    case 'ECONNREFUSED':
      return 'unattended';
    case 'EACCES':
    case 'EPERM':
      return { state: 'refused', reason: `its socket may not be used: ${code}` };
    case 'ECONNRESET':
    case 'EPIPE':
      return { state: 'silent', reason: 'it hung up without an answer' };
    default:
      return { state: 'silent', reason: `it cannot be reached: ${code}` };
  }
}
