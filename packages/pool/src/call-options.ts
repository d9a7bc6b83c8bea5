import { LONGEST_MS } from './clock.ts';
import { PoolError } from './errors.ts';
import { nearestWord } from './nearest-word.ts';
import { checkLimit, inWords, wrongOption } from './settings.ts';

// What callers without types hand in. Nobody who is served at once comes here: only who would have to wait, and who changes limits.

const LIMITS_OF_RESIZE: readonly string[] = ['size', 'maxOverflow'];

/** The `CONFIG` error for what `acquire` was given; undefined when it may wait as it asks. */
export function checkAcquireOptions(options: unknown): PoolError | undefined {
  const wrong = checkLeaseOptions('acquire', options);
  if (wrong !== undefined) return wrong;
  const { signal, timeoutMs } = options as { readonly signal?: unknown; readonly timeoutMs?: unknown };
  if (signal !== undefined && !isSignal(signal)) return wrongOption('signal', signal, 'an AbortSignal');
  return timeoutMs === undefined ? undefined : checkLimit('acquireTimeoutMs', timeoutMs, 'timeoutMs');
}

/** The same for what a lease is asked for with; `call` names the method. */
export function checkLeaseOptions(call: string, options: unknown): PoolError | undefined {
  if (!isObject(options)) return notAnObject(call, options);
  const { allowedMs } = options as { readonly allowedMs?: unknown };
  return allowedMs === undefined ? undefined : checkLimit('acquireTimeoutMs', allowedMs, 'allowedMs');
}

/** The `CONFIG` error for limits that `resize` does not know, which names the nearest that it does. */
export function checkResize(limits: unknown): PoolError | undefined {
  if (!isObject(limits)) return notAnObject('resize', limits);
  const unknown = Object.keys(limits).find((key) => !LIMITS_OF_RESIZE.includes(key));
  if (unknown === undefined) return undefined;
  const nearest = nearestWord(unknown, LIMITS_OF_RESIZE);
  return new PoolError('CONFIG', `pool option ${unknown} does not exist; did you mean ${nearest}?`);
}

/** Whether it is a number of milliseconds that a timer can take. */
export function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= LONGEST_MS;
}

function notAnObject(call: string, options: unknown): PoolError {
  return new PoolError('CONFIG', `options of ${call} are ${inWords(options)}; expected an object`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isSignal(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return typeof addEventListener === 'function' && typeof removeEventListener === 'function';
}
