import { controlReportShape, type ControlReport } from '../control/report.ts';
import { controlFields, controlRequestOf, isControlVerb, type ControlRequest } from '../control/verb.ts';
import type { ServiceSnapshot } from '../snapshot.ts';
import { jsonExcess } from './json-excess.ts';
import type { Recording } from './recording.ts';
import { recordingMisfit } from './recording-shape.ts';
import { isRecord, misfit, type Shape } from './shape.ts';
import { snapshotShape } from './snapshot-shape.ts';

/**
 * The conversation between a process and whoever asks about it: one line of JSON each way, then the end. Everything here is pure;
 * sockets are elsewhere.
 */
const REQUEST_SCHEMA = 'hive-db/request/v1';
const ANSWER_SCHEMA = 'hive-db/answer/v1';

/** A longer request is not one of ours: they take one or two hundred bytes. */
export const MAX_REQUEST_BYTES = 4 * 1024;
/** A snapshot takes some kilobytes a database and a recording some tens of them; with a thousand labels and leases they stay far below. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Of all processes that are asked at once: recordings of sixty processes with eighteen databases each. Parsed they take some times as much. */
export const MAX_ANSWERS_BYTES = 48 * 1024 * 1024;

/** Everything a process can be asked; `CONTROL_VERBS` is what it can be told. Both lists are closed: no SQL and no path is ever accepted over a socket. */
export const VERBS = ['snapshot', 'recording'] as const;
/** One of them. */
export type Verb = (typeof VERBS)[number];

/** What a line of a client turned out to be. */
export type Request =
  | { readonly kind: 'request'; readonly verb: Verb }
  | { readonly kind: 'control'; readonly request: ControlRequest }
  /** A verb of ours with something wrong about it: a sentence of ours. */
  | { readonly kind: 'wrong-order'; readonly fault: string }
  | { readonly kind: 'unknown-verb'; readonly verb: string }
  | { readonly kind: 'rubbish' };

/** Why a process has no answer. */
export type RefusalCode =
  | 'UNKNOWN_VERB'
  | 'NO_SNAPSHOT'
  | 'NO_RECORDING'
  | 'WRONG_ORDER'
  | 'NO_CONTROL'
  | 'ORDER_FAILED';

/** How far an order has come. */
export type ControlProgress =
  | { readonly state: 'done'; readonly report: ControlReport }
  /** Not begun: the main thread has been busy for so long, with what. It is done when that thread is free. */
  | {
      readonly state: 'queued';
      readonly blockedMs: number;
      readonly label: string | undefined;
      readonly statement: string | undefined;
    }
  /** Begun, and not done before whoever asked would have stopped waiting. */
  | { readonly state: 'begun' };

/** What a process says. */
export type Answer =
  | { readonly kind: 'snapshot'; readonly snapshot: ServiceSnapshot }
  | { readonly kind: 'recording'; readonly recording: Recording }
  | { readonly kind: 'control'; readonly progress: ControlProgress }
  | { readonly kind: 'refusal'; readonly code: RefusalCode; readonly message: string };

/** What a line turned out to be. All messages and reasons are sentences of ours, never text that the other side chose. */
export type DecodedAnswer = Answer | { readonly kind: 'rubbish'; readonly reason: string };

const REFUSALS: Readonly<Record<RefusalCode, string>> = Object.freeze({
  UNKNOWN_VERB: 'the process does not know the verb; it may run an older version of shared-db',
  NO_SNAPSHOT: 'the process could not take a snapshot of itself; its log says why',
  NO_RECORDING: 'the process keeps no recording of itself',
  WRONG_ORDER:
    'the process does not accept the order as it was sent; its log says why, and it may run another version of shared-db',
  NO_CONTROL: 'the process takes no orders',
  ORDER_FAILED: 'the process could not do it; its log says why',
});

/** A refusal with its sentence. */
export function refuse(code: RefusalCode): Answer {
  return { kind: 'refusal', code, message: REFUSALS[code] };
}

/** One line, newline included. */
export function encodeRequest(verb: Verb): string {
  return `${JSON.stringify({ schema: REQUEST_SCHEMA, verb })}\n`;
}

/** The same for an order. */
export function encodeOrder(request: ControlRequest): string {
  return `${JSON.stringify({ schema: REQUEST_SCHEMA, ...controlFields(request) })}\n`;
}

/** Never throws: whatever is not a request is rubbish. */
export function decodeRequest(line: Uint8Array): Request {
  const message = parse(line);
  if (!isRecord(message) || message['schema'] !== REQUEST_SCHEMA || typeof message['verb'] !== 'string')
    return { kind: 'rubbish' };
  const verb = message['verb'];
  if (isVerb(verb)) return { kind: 'request', verb };
  if (!isControlVerb(verb)) return { kind: 'unknown-verb', verb };
  const request = controlRequestOf(verb, message);
  return 'fault' in request ? { kind: 'wrong-order', fault: request.fault } : { kind: 'control', request };
}

/** One line, newline included. Throws where what is said is not plain data. */
export function encodeAnswer(answer: Answer): string {
  return `${JSON.stringify({ schema: ANSWER_SCHEMA, ...bodyOf(answer) })}\n`;
}

function bodyOf(answer: Answer): object {
  if (answer.kind === 'refusal') return { ok: false, error: { code: answer.code, message: answer.message } };
  if (answer.kind === 'control') return { ok: true, progress: answer.progress };
  return answer.kind === 'snapshot'
    ? { ok: true, snapshot: answer.snapshot }
    : { ok: true, recording: answer.recording };
}

/** Never throws. A snapshot or recording that comes out has every field that its type promises. */
export function decodeAnswer(line: Uint8Array): DecodedAnswer {
  const excess = jsonExcess(line);
  if (excess !== undefined) return rubbish(`the answer ${excess}`);
  const message = parse(line);
  if (!isRecord(message)) return rubbish('the answer is not a JSON object');
  if (message['schema'] !== ANSWER_SCHEMA) return rubbish(`the answer is not of the form ${ANSWER_SCHEMA}`);
  if (message['ok'] === true) {
    if ('progress' in message) return decodeProgress(message['progress']);
    return 'recording' in message ? decodeRecording(message['recording']) : decodeSnapshot(message['snapshot']);
  }
  const error = message['error'];
  if (message['ok'] === false && isRecord(error) && isRefusalCode(error['code'])) return refuse(error['code']);
  return rubbish('the answer is neither a snapshot nor a known refusal');
}

function decodeSnapshot(snapshot: unknown): DecodedAnswer {
  const fault = misfit<ServiceSnapshot>(snapshot, snapshotShape, 'snapshot');
  return fault === undefined ? { kind: 'snapshot', snapshot: snapshot as ServiceSnapshot } : rubbish(fault);
}

function decodeRecording(recording: unknown): DecodedAnswer {
  const fault = recordingMisfit(recording);
  return fault === undefined ? { kind: 'recording', recording: recording as Recording } : rubbish(fault);
}

type Standstill = Omit<Extract<ControlProgress, { state: 'queued' }>, 'state'>;
const standstill: Shape<Standstill> = {
  fields: { blockedMs: 'number', label: { optional: 'string' }, statement: { optional: 'string' } },
};

function decodeProgress(progress: unknown): DecodedAnswer {
  const state = isRecord(progress) ? progress['state'] : undefined;
  const fault = isRecord(progress) ? misfitOfProgress(progress) : 'progress is not an object';
  if (fault !== undefined) return rubbish(fault);
  return { kind: 'control', progress: (state === 'begun' ? { state } : progress) as ControlProgress };
}

function misfitOfProgress(progress: Readonly<Record<string, unknown>>): string | undefined {
  switch (progress['state']) {
    case 'done':
      return misfit<ControlReport>(progress['report'], controlReportShape, 'progress.report');
    case 'queued':
      return misfit<Standstill>(progress, standstill, 'progress');
    case 'begun':
      return undefined;
    default:
      return 'progress.state is no word that is known here';
  }
}

function rubbish(reason: string): DecodedAnswer {
  return { kind: 'rubbish', reason };
}

function parse(line: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
  } catch {
    return undefined;
  }
}

function isVerb(verb: string): verb is Verb {
  return (VERBS as readonly string[]).includes(verb);
}

function isRefusalCode(code: unknown): code is RefusalCode {
  return typeof code === 'string' && Object.hasOwn(REFUSALS, code);
}
