import { likelyKey } from '@hive/shared-db/config';
import { shown, wrongUse } from './wrong-use.ts';

const CLOCK_METHODS = ['now', 'wallTime', 'after', 'nextTurn'];
const LOGGER_METHODS = ['debug', 'info', 'warn', 'error'];

/** Throws `WRONG_USE` unless `options` is an object with no other keys than these. */
export function checkKeys(where: string, options: unknown, keys: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw wrongUse(`${where} was given ${shown(options)}; expected an object with ${keys.join(', ')}`);
  const unknown = Object.keys(options).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  const nearest = likelyKey(unknown, keys);
  const known = `there ${keys.length === 1 ? 'is' : 'are'} ${keys.join(', ')}`;
  throw wrongUse(
    `${where} has no option ${shown(unknown)}; ${known}`,
    nearest === undefined ? undefined : `did you mean ${nearest}`,
  );
}

/** Throws `WRONG_USE` unless it is a whole number from `least` to `most`. */
export function checkWhole(where: string, value: unknown, least: number, most: number): void {
  // Where there is no most, Infinity is the word for it.
  if (value === most) return;
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw wrongUse(`${where} is ${shown(value)}; expected a whole number from ${least} to ${most}`);
}

/** Throws `WRONG_USE` unless it is a function. */
export function checkFunction(where: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongUse(`${where} is ${shown(value)}; expected a function`);
}

/** Throws `WRONG_USE` unless it is a clock, or absent. */
export function checkClock(where: string, clock: unknown): void {
  checkMethods(where, clock, CLOCK_METHODS, 'a clock');
}

/** Throws `WRONG_USE` unless it is a logger, or absent. */
export function checkLogger(where: string, logger: unknown): void {
  checkMethods(where, logger, LOGGER_METHODS, 'a logger');
}

function checkMethods(where: string, value: unknown, methods: readonly string[], noun: string): void {
  if (value === undefined) return;
  const given = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (methods.every((method) => typeof given[method] === 'function')) return;
  throw wrongUse(`${where} is ${shown(value)}; expected ${noun}, with ${methods.join(', ')}`);
}
