import { nearestKey } from '../config/nearest-key.ts';
import { shown } from '../config/problem.ts';
import { isDuration } from '../driver/call-options.ts';
import { DatabaseError } from '../errors.ts';
import { checkLogger } from '../service/service-config.ts';

const KEYS = ['snapshot', 'thresholds', 'details', 'token', 'allowedHosts', 'livezFailsAfterMs', 'clock', 'logger'];
const DETAILS = ['never', 'when-authorized', 'always'];

/**
 * Throws `CONFIG` for options of a health handler that are none, by name: who misspells `details` would be shown none, and who gives no
 * `snapshot` would be told by every probe that the process fails.
 */
export function checkHealthOptions(options: object): void {
  if (typeof options !== 'object' || options === null)
    throw new DatabaseError('CONFIG', `createHealthHandler was given ${shown(options)}; expected { snapshot }`);
  for (const key of Object.keys(options))
    if (!KEYS.includes(key))
      throw new DatabaseError('CONFIG', `createHealthHandler has no option ${key}`, {
        advice: `did you mean ${nearestKey(key, KEYS)}`,
      });
  const given = options as Readonly<Record<string, unknown>>;
  const { snapshot, thresholds, details, token, allowedHosts, livezFailsAfterMs, clock, logger } = given;
  expect('snapshot', snapshot, typeof snapshot === 'function', 'a function that takes one');
  optional('thresholds', thresholds, typeof thresholds === 'object' && thresholds !== null, 'an object');
  optional('details', details, DETAILS.includes(details as string), DETAILS.join(', '));
  // A secret is not repeated.
  optional('token', token === undefined ? undefined : `a ${typeof token}`, typeof token === 'string', 'a text');
  optional('allowedHosts', allowedHosts, isListOfTexts(allowedHosts), 'a list of host names');
  optional('livezFailsAfterMs', livezFailsAfterMs, isDuration(livezFailsAfterMs), 'milliseconds');
  optional('clock', clock, typeof (clock as { now?: unknown } | null)?.now === 'function', 'a clock');
  checkLogger(logger as Parameters<typeof checkLogger>[0]);
}

function optional(option: string, value: unknown, isRight: boolean, expected: string): void {
  expect(option, value, value === undefined || isRight, expected);
}

function expect(option: string, value: unknown, isRight: boolean, expected: string): void {
  if (isRight) return;
  throw new DatabaseError(
    'CONFIG',
    `the option ${option} of createHealthHandler is ${shown(value, 'an object')}; expected ${expected}`,
  );
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
