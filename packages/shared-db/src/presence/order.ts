import { systemClock, type Clock } from '@hive/pool/clock';
import { join } from 'node:path';
import type { ControlOrder } from '../control/verb.ts';
import { AnswerRoom } from './answer-room.ts';
import { ask, type Failure } from './ask.ts';
import { decodeAnswer, encodeOrder, MAX_ANSWER_BYTES, type ControlProgress } from './protocol.ts';
import { checkRuntimeDirectory } from './runtime-directory.ts';

/** To whom an order is given. */
export interface OrderOptions {
  /** What `runtimeDirectory` returned. */
  readonly directory: string;
  /** The socket of the process, as `locateProcesses` names it. */
  readonly socket: string;
  /** How long to wait: after most of it the process says how far it has come. Default 1,000 ms, at least 1 and at most 60,000. */
  readonly timeoutMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * What became of an order. `silent` is the one of which it is not known whether it was carried out, or will be. The reason is a sentence of
 * ours; what stands in a report is not, and is to be shown safely.
 */
export type OrderOutcome = ControlProgress | Failure;

/**
 * Tells one process of this user to do something. Rejects with `PATH` or `PERMISSION` where the runtime directory cannot be trusted;
 * everything else is an outcome.
 */
export async function giveOrder(order: ControlOrder, options: OrderOptions): Promise<OrderOutcome> {
  const { directory, socket, timeoutMs = 1_000, clock = systemClock } = options;
  checkRuntimeDirectory(directory);
  const request = encodeOrder({ order, by: process.pid, timeoutMs });
  const room = new AnswerRoom(MAX_ANSWER_BYTES);
  const heard = await ask(join(directory, socket), request, { timeoutMs, clock, signal: undefined, room });
  if (heard === 'absent' || heard === 'unattended')
    return { state: 'refused', reason: 'the process has ended meanwhile' };
  if ('state' in heard) return heard;
  const answer = decodeAnswer(heard.line);
  if (answer.kind === 'control') return answer.progress;
  if (answer.kind === 'refusal') return { state: 'refused', reason: answer.message };
  return { state: 'rubbish', reason: answer.kind === 'rubbish' ? answer.reason : 'it answered another question' };
}
