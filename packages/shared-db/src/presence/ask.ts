import type { Clock } from '@hive/pool';
import { connect } from 'node:net';
import type { AnswerRoom } from './answer-room.ts';
import { LineBuffer } from './line-buffer.ts';
import { socketOwner } from './probe.ts';
import { MAX_ANSWER_BYTES, MAX_ANSWERS_BYTES } from './protocol.ts';

/**
 * Why there is no usable answer: `silent` did not answer in time or hung up, `refused` did not want to, `rubbish` said something else.
 * The reason is a sentence of ours and safe to show.
 */
export interface Failure {
  readonly state: 'silent' | 'refused' | 'rubbish';
  readonly reason: string;
}

/** What came over one socket. `unattended`: there is a file, and nobody listens. */
export type Heard = { readonly line: Uint8Array } | Failure | 'unattended' | 'absent';

/** How long an answer may take, what makes it unwanted, and the room for it. */
export interface Asking {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** For all answers together. */
  readonly room: AnswerRoom;
}

/** Puts the question and gathers the answer. Never rejects, never takes longer than the timeout, and ends when the signal aborts. */
export function ask(path: string, request: string, { timeoutMs, clock, signal, room }: Asking): Promise<Heard> {
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
    socket.on('connect', () => socket.write(request));
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
