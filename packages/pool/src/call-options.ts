import type { SizeBounds } from './auto-size.ts';
import { LONGEST_MS } from './clock.ts';
import { PoolError } from './errors.ts';
import { nearestWord } from './nearest-word.ts';
import type { Resize, Tuning } from './pool.ts';
import { checkLimit, inWords, withinBounds, wrongOption } from './settings.ts';

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
  const given = options as { readonly allowedMs?: unknown; readonly leakThresholdMs?: unknown };
  for (const key of ['allowedMs', 'leakThresholdMs'] as const) {
    const value = given[key];
    const wrong = value === undefined ? undefined : checkLimit('acquireTimeoutMs', value, key);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** The limits that `resize` asks for, of a pool that has these now. Throws `CONFIG` for those that it may not have. */
export function parseResize(
  limits: Resize,
  present: { readonly size: number; readonly maxOverflow: number },
  minIdle: number,
  bounds: SizeBounds | undefined,
): { readonly size: number; readonly maxOverflow: number } {
  const unknown = checkResize(limits);
  if (unknown !== undefined) throw unknown;
  const { size = present.size, maxOverflow = present.maxOverflow } = limits;
  const wrong = checkLimit('size', size) ?? checkLimit('maxOverflow', maxOverflow);
  if (wrong !== undefined) throw wrong;
  if (bounds !== undefined) withinBounds(bounds, size);
  if (size < minIdle) throw wrongOption('size', size, `at least minIdle, which is ${minIdle}`);
  return { size, maxOverflow };
}

/** The `CONFIG` error for limits that `resize` does not know, which names the nearest that it does. */
function checkResize(limits: unknown): PoolError | undefined {
  if (!isObject(limits)) return notAnObject('resize', limits);
  const unknown = Object.keys(limits).find((key) => !LIMITS_OF_RESIZE.includes(key));
  if (unknown === undefined) return undefined;
  const nearest = nearestWord(unknown, LIMITS_OF_RESIZE);
  return new PoolError('CONFIG', `pool option ${unknown} does not exist; did you mean ${nearest}?`);
}

/** The `CONFIG` error for what `retune` was given; undefined when all of it fits. */
export function checkTuning({ maxLifetimeMs, ...leaks }: Tuning): PoolError | undefined {
  for (const [key, value] of Object.entries({ ...leaks, maxLifetimeMs })) {
    const wrong = value === undefined ? undefined : checkLimit(key as keyof Tuning, value);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
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
