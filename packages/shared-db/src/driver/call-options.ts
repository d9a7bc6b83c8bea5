import type { Resize } from '@hive/pool';
import { nearestKey } from '../config/nearest-key.ts';
import { shown } from '../config/problem.ts';
import type { ChangeOptions } from '../changes/database-change.ts';
import type { CallOptions, WriteOptions } from '../database.ts';
import { LOCATION_KEYS, type DirectLocation } from '../direct-location.ts';
import { DatabaseError, type ErrorDetails } from '../errors.ts';
import type { SessionOptions } from './session.ts';

/** What a call is counted as. */
export type CallKind = 'reads' | 'writes' | 'transactions' | 'sessions' | 'offloads';

/** Of a call that was given none: it needs no check. */
export const NO_OPTIONS: CallOptions = Object.freeze({});

/** The longest that a timer can wait. */
const LONGEST_MS = 2_147_483_647;

const PRIORITIES = ['high', 'normal', 'low'];
const OF_A_WAIT = ['signal', 'timeoutMs'];
const KNOWN: Readonly<Record<CallKind, readonly string[]>> = {
  reads: [...OF_A_WAIT, 'limitMs', 'leakAfterMs', 'budget'],
  writes: [...OF_A_WAIT, 'priority'],
  sessions: [...OF_A_WAIT, 'readOnly', 'leakAfterMs', 'budget'],
  offloads: [...OF_A_WAIT, 'isolation'],
  transactions: [...OF_A_WAIT, 'limitMs', 'idleLimitMs', 'leakAfterMs'],
};

/**
 * Throws `CONFIG` for options of a call that are none, by name: a misspelt limit would be no limit, and what is no signal would be
 * found out when a connection has been borrowed. Durations are checked where they are used.
 */
export function checkCallOptions(
  options: CallOptions,
  kind: CallKind,
  where: { database: string; label: string },
): void {
  checkKeys(options, KNOWN[kind], 'option', where);
  checkSignal(options.signal, where);
  checkBoolean('readOnly', (options as SessionOptions).readOnly, where);
  const { priority } = options as WriteOptions;
  if (priority !== undefined && !PRIORITIES.includes(priority))
    throw new DatabaseError('CONFIG', `the option priority is ${shown(priority)}; expected high, normal or low`, where);
}

/** The same for an adapter, of which a caller may also say where its database is. */
export function checkAdapterOptions(
  options: CallOptions & DirectLocation,
  kind: 'sessions' | 'transactions',
  where: { database: string; label: string },
): void {
  checkKeys(options, [...LOCATION_KEYS, ...KNOWN[kind]], 'option', where);
  const { dataDirectory: _, logger: __, ...ofCall } = options;
  checkCallOptions(ofCall, kind, where);
}

/** The same for who listens to changes. */
export function checkChangeOptions(options: ChangeOptions, database: string): void {
  const where = { database };
  checkKeys(options, ['signal', 'initially'], 'option', where);
  checkSignal(options.signal, where);
  checkBoolean('initially', options.initially, where);
}

function checkSignal(signal: unknown, where: ErrorDetails): void {
  if (signal === undefined || isSignal(signal)) return;
  const given = shown(signal, 'an object');
  throw new DatabaseError('CONFIG', `the option signal is ${given}; expected an AbortSignal`, where);
}

function checkBoolean(option: string, value: unknown, where: ErrorDetails): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new DatabaseError('CONFIG', `the option ${option} is ${shown(value)}; expected true or false`, where);
}

/** A duration that a caller has given. Throws `CONFIG` for what is none. */
export function checkDuration(option: string, value: unknown, database?: string): number {
  if (isDuration(value)) return value;
  const given = typeof value === 'string' ? JSON.stringify(value) : String(value);
  throw new DatabaseError('CONFIG', `${option} is ${given}; expected milliseconds from 0 to ${LONGEST_MS}`, {
    database,
  });
}

/** Whether somebody can be waited for so long. */
export function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LONGEST_MS;
}

/** Throws `CONFIG` for limits of a pool that are none, by name. Their values are checked by the pool. */
export function checkLimits(limits: Resize, database: string): void {
  checkKeys(limits, ['size', 'maxOverflow'], 'limit', { database });
}

function checkKeys(given: object, known: readonly string[], what: string, where: ErrorDetails): void {
  if (typeof given !== 'object' || given === null)
    throw new DatabaseError('CONFIG', `the ${what}s are ${shown(given)}; expected { ${known.join(', ')} }`, where);
  for (const key of Object.keys(given))
    if (!known.includes(key))
      throw new DatabaseError('CONFIG', `there is no ${what} ${key}`, {
        ...where,
        advice: `did you mean ${nearestKey(key, known)}`,
      });
}

/** By its shape: a signal may come from another realm, where `AbortSignal` is another class. */
export function isSignal(signal: unknown): signal is AbortSignal {
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function';
}
