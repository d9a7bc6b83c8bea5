import type { FlushMode } from '@hive/pool';
import { isDatabaseName } from '../config/database-name.ts';
import { isThreshold, type Thresholds } from '../health/thresholds.ts';
import { LOG_LEVELS } from '../logger.ts';

/** Everything that another process of the same user can have done. The list is closed: no SQL and no path is ever accepted over a socket. */
export const CONTROL_VERBS = [
  'resize',
  'suspend',
  'resume',
  'flush',
  'echo',
  'log-level',
  'threshold',
  'reload',
] as const;
/** One of them. */
export type ControlVerb = (typeof CONTROL_VERBS)[number];

/** What a flush may take away. */
export const FLUSH_MODES = ['idle', 'all', 'leaked', 'graceful'] as const satisfies readonly FlushMode[];

/** What an echo may be of: the statements, or what the pools lend and get back. */
export const ECHO_SUBJECTS = ['statements', 'pool'] as const;
/** One of them. */
export type EchoSubject = (typeof ECHO_SUBJECTS)[number];

/** From which level on a process may be told to log; `default` is as its settings say. */
export const LEVEL_WORDS = [...LOG_LEVELS, 'default'] as const;

/** As settings have it: more connections to one database are a slip of the finger. */
export const MOST_CONNECTIONS = 1_000;
/** How long somebody may wait for an answer: what takes longer is answered as begun. */
const LONGEST_WAIT_MS = 60_000;
/** What numbers of processes may be. */
const LARGEST_PID = 2 ** 31 - 1;

/** What is to be done. */
export type ControlOrder =
  | {
      readonly verb: 'resize';
      readonly database: string;
      /** Undefined leaves it as it is; one of the two is given. */
      readonly size: number | undefined;
      readonly maxOverflow: number | undefined;
    }
  | { readonly verb: 'suspend' | 'resume'; readonly database: string }
  | {
      readonly verb: 'flush';
      /** Undefined is every database of the process. */
      readonly database: string | undefined;
      readonly mode: FlushMode;
    }
  | {
      readonly verb: 'echo';
      /** Undefined is every database of the process. */
      readonly database: string | undefined;
      readonly of: EchoSubject;
      readonly echo: boolean | 'debug';
    }
  | { readonly verb: 'log-level'; readonly level: (typeof LEVEL_WORDS)[number] }
  | {
      readonly verb: 'threshold';
      /** Undefined is the process and every database of it. */
      readonly database: string | undefined;
      readonly name: keyof Thresholds;
      /** In milliseconds and bytes; `default` is as the settings say. */
      readonly value: number | boolean | 'default';
    }
  | { readonly verb: 'reload' };

/** An order, by whom it is given and how long he waits. */
export interface ControlRequest {
  readonly order: ControlOrder;
  /** The number of the process that asks, as it says itself: the system does not tell Node who is at the other end of a socket. */
  readonly by: number;
  readonly timeoutMs: number;
}

/** What a process waits for between the beginning and the end of an order, as the end of a sentence. */
export const WAITS_FOR: Readonly<Record<ControlVerb, string>> = Object.freeze({
  resize: 'connections that are too many to be closed',
  suspend: 'nothing',
  resume: 'nothing',
  flush: 'connections to be closed',
  echo: 'nothing',
  'log-level': 'nothing',
  threshold: 'nothing',
  reload: 'the settings to be applied',
});

/** Which fields each verb has, beside those that all have. */
const FIELDS: Readonly<Record<ControlVerb, readonly string[]>> = {
  resize: ['database', 'size', 'maxOverflow'],
  suspend: ['database'],
  resume: ['database'],
  flush: ['database', 'mode'],
  echo: ['database', 'of', 'echo'],
  'log-level': ['level'],
  threshold: ['database', 'name', 'value'],
  reload: [],
};
const FIELDS_OF_ALL = ['schema', 'verb', 'by', 'timeoutMs'];

export function isControlVerb(verb: string): verb is ControlVerb {
  return (CONTROL_VERBS as readonly string[]).includes(verb);
}

/** The fields of a message that asks for something to be done. */
export function controlFields({ order, by, timeoutMs }: ControlRequest): Readonly<Record<string, unknown>> {
  return { ...order, by, timeoutMs };
}

/** What a message asks for, or what is wrong with it as a sentence of our own words. Pure; the message may be anything. */
export function controlRequestOf(
  verb: ControlVerb,
  message: Readonly<Record<string, unknown>>,
): ControlRequest | { readonly fault: string } {
  const known = [...FIELDS_OF_ALL, ...FIELDS[verb]];
  if (Object.keys(message).some((key) => !known.includes(key)))
    return { fault: `${verb} has a field that it does not know` };
  const { by, timeoutMs } = message;
  if (!isWhole(by, 1, LARGEST_PID)) return { fault: 'by is not the number of a process' };
  if (!isWhole(timeoutMs, 1, LONGEST_WAIT_MS))
    return { fault: `timeoutMs is not a whole number from 1 to ${LONGEST_WAIT_MS}` };
  const order = orderOf(verb, message);
  return 'fault' in order ? order : { order, by, timeoutMs };
}

function orderOf(
  verb: ControlVerb,
  message: Readonly<Record<string, unknown>>,
): ControlOrder | { readonly fault: string } {
  const { database, mode } = message;
  if (verb === 'reload') return { verb };
  if (verb === 'log-level') return levelOf(message);
  if (verb === 'flush' && database === undefined) return flushOf(undefined, mode);
  if (verb === 'echo' && database === undefined) return echoOf(undefined, message);
  if (verb === 'threshold' && database === undefined) return thresholdOf(undefined, message);
  if (!isDatabaseName(database)) return { fault: 'database is not the name of a database' };
  if (verb === 'flush') return flushOf(database, mode);
  if (verb === 'echo') return echoOf(database, message);
  if (verb === 'threshold') return thresholdOf(database, message);
  return verb === 'resize' ? resizeOf(database, message) : { verb, database };
}

function resizeOf(
  database: string,
  { size, maxOverflow }: Readonly<Record<string, unknown>>,
): ControlOrder | { readonly fault: string } {
  if (size === undefined && maxOverflow === undefined) return { fault: 'resize has neither size nor maxOverflow' };
  if (!isLimit(size, 1)) return { fault: `size is not a whole number from 1 to ${MOST_CONNECTIONS}` };
  if (!isLimit(maxOverflow, 0)) return { fault: `maxOverflow is not a whole number from 0 to ${MOST_CONNECTIONS}` };
  return { verb: 'resize', database, size, maxOverflow };
}

function flushOf(database: string | undefined, mode: unknown): ControlOrder | { readonly fault: string } {
  const known = FLUSH_MODES.find((one) => one === mode);
  return known === undefined
    ? { fault: 'mode is not idle, all, leaked or graceful' }
    : { verb: 'flush', database, mode: known };
}

function echoOf(
  database: string | undefined,
  { of, echo }: Readonly<Record<string, unknown>>,
): ControlOrder | { readonly fault: string } {
  const subject = ECHO_SUBJECTS.find((one) => one === of);
  if (subject === undefined) return { fault: 'of is not statements or pool' };
  if (echo !== true && echo !== false && echo !== 'debug') return { fault: 'echo is not true, false or debug' };
  return { verb: 'echo', database, of: subject, echo };
}

function levelOf({ level }: Readonly<Record<string, unknown>>): ControlOrder | { readonly fault: string } {
  const known = LEVEL_WORDS.find((one) => one === level);
  return known === undefined
    ? { fault: 'level is not debug, info, warn, error, silent or default' }
    : { verb: 'log-level', level: known };
}

/** What the threshold takes is checked where it is changed. */
function thresholdOf(
  database: string | undefined,
  { name, value }: Readonly<Record<string, unknown>>,
): ControlOrder | { readonly fault: string } {
  if (!isThreshold(name)) return { fault: 'name is not that of a threshold' };
  if (typeof value !== 'number' && typeof value !== 'boolean' && value !== 'default')
    return { fault: 'value is not a number, true, false or default' };
  return { verb: 'threshold', database, name, value };
}

function isLimit(value: unknown, least: number): value is number | undefined {
  return value === undefined || isWhole(value, least, MOST_CONNECTIONS);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}
