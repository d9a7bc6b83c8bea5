import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { DURATION_PATTERN, SIZE_PATTERN, formatDuration, formatSize, parseDuration, parseSize } from './measure.ts';

/** What a setting can be in the end. */
export type SettingValue = string | number | boolean;

/** How one kind of source gives a value: what brings it to its final form, and what it expects in words. */
export interface ValueForm {
  /** Undefined for what is not expected. Never throws. */
  readonly read: (given: unknown) => SettingValue | undefined;
  /** Completes "must be ...". */
  readonly expected: string;
}

/** What a setting takes, in a settings file or a variable (`written`) and in code (`exact`). */
export interface ValueKind {
  readonly written: ValueForm;
  readonly exact: ValueForm;
  readonly unit: 'ms' | 'bytes' | undefined;
  /** Whether text stays text even where it looks like a number. */
  readonly verbatim: boolean;
  /** The written form as JSON Schema. It may accept a little more: a path with a NUL, a text beyond the range. */
  readonly schema: object;
}

export function wholeNumber(min: number, max: number): ValueKind {
  return unitless((given) => wholeIn(given, min, max), `a whole number from ${min} to ${max}`, {
    type: 'integer',
    minimum: min,
    maximum: max,
  });
}

/** A whole number, or false where there shall be none. */
export function wholeNumberOrOff(min: number, max: number): ValueKind {
  return unitless(
    (given) => (given === false ? false : wholeIn(given, min, max)),
    `a whole number from ${min} to ${max}, or false`,
    { anyOf: [{ type: 'integer', minimum: min, maximum: max }, { const: false }] },
  );
}

/** Any number of a range. */
export function number(min: number, max: number): ValueKind {
  return unitless((given) => numberIn(given, min, max), `a number from ${min} to ${max}`, {
    type: 'number',
    minimum: min,
    maximum: max,
  });
}

/** A part of the whole: 0.8 is 80 %. */
export function share(): ValueKind {
  return unitless((given) => numberIn(given, 0, 1), 'a share from 0 to 1, such as 0.8', {
    type: 'number',
    minimum: 0,
    maximum: 1,
  });
}

export function flag(): ValueKind {
  return unitless(truth, 'true or false', { type: 'boolean' });
}

/** One of these words. */
export function choice(...words: readonly [string, ...string[]]): ValueKind {
  return unitless(
    (given) => words.find((word) => word === given),
    `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`,
    { type: 'string', enum: words },
  );
}

/** True, false or one more word. */
export function flagOr(word: string): ValueKind {
  return unitless((given) => (given === word ? word : truth(given)), `true, false or ${word}`, {
    anyOf: [{ type: 'boolean' }, { type: 'string', const: word }],
  });
}

/** A path that may be relative. */
export function path(): ValueKind {
  return { ...unitless(pathText, 'a path', { type: 'string', minLength: 1 }), verbatim: true };
}

/** An address, or a name of one. */
export function host(): ValueKind {
  return {
    ...unitless(hostText, 'an address or a host name, without scheme and port', { type: 'string', minLength: 1 }),
    verbatim: true,
  };
}

/** Several of them, with commas between. */
export function hosts(): ValueKind {
  return {
    ...unitless(hostTexts, 'addresses or host names with commas between, without scheme and port', {
      type: 'string',
      minLength: 1,
    }),
    verbatim: true,
  };
}

/** What only those who may know it know. Messages about it do not show it. */
export function secret(): ValueKind {
  return { ...unitless(secretText, 'a text without spaces', { type: 'string', minLength: 1 }), verbatim: true };
}

export function absolutePath(): ValueKind {
  return { ...unitless(absolutePathText, 'an absolute path', { type: 'string', minLength: 1 }), verbatim: true };
}

/** Whole milliseconds in code, seconds or a text with its unit elsewhere. */
export function duration(minMs: number, maxMs: number): ValueKind {
  return {
    written: {
      read: (given) => wholeIn(measured(given, DURATION_PATTERN, parseDuration), minMs, maxMs),
      expected: `a duration ${durationRange(minMs, maxMs)}, such as 250ms, 5s or 10 (seconds)`,
    },
    exact: {
      read: (given) => wholeIn(given, minMs, maxMs),
      expected: `a whole number of milliseconds from ${minMs} to ${maxMs}`,
    },
    unit: 'ms',
    verbatim: false,
    schema: durationSchema(minMs / 1_000, maxMs / 1_000),
  };
}

/** A duration, or 0 for never, which older settings write as -1. */
export function durationOrNever(minMs: number, maxMs: number): ValueKind {
  const exact = (given: unknown): number | undefined => (given === 0 ? 0 : wholeIn(given, minMs, maxMs));
  return {
    written: {
      read: (given) => (given === -1 ? 0 : exact(measured(given, DURATION_PATTERN, parseDuration))),
      expected: `a duration ${durationRange(minMs, maxMs)}, such as 30m or 1800 (seconds), or 0 or -1 for never`,
    },
    exact: {
      read: exact,
      expected: `a whole number of milliseconds from ${minMs} to ${maxMs}, or 0 for never`,
    },
    unit: 'ms',
    verbatim: false,
    schema: durationSchema(-1, maxMs / 1_000),
  };
}

/** Whole bytes, or a text with its unit outside code. */
export function size(min: number, max: number): ValueKind {
  return {
    written: {
      read: (given) => wholeIn(measured(given, SIZE_PATTERN, parseSize), min, max),
      expected: `a size from ${formatSize(min)} to ${formatSize(max)}, such as 64MiB`,
    },
    exact: {
      read: (given) => wholeIn(given, min, max),
      expected: `a whole number of bytes from ${min} to ${max}`,
    },
    unit: 'bytes',
    verbatim: false,
    schema: {
      anyOf: [
        { type: 'integer', minimum: min, maximum: max },
        { type: 'string', pattern: SIZE_PATTERN.source },
      ],
    },
  };
}

/** What a text of the environment would be in a settings file, where numbers and truth are not text. */
export function fromText(text: string, { verbatim }: ValueKind): SettingValue {
  if (verbatim) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[+-]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

/** What a settings file would say for a final value: `90s`, `64MiB`, `full`. */
export function toText(value: SettingValue, unit: ValueKind['unit']): string {
  if (typeof value !== 'number' || unit === undefined) return String(value);
  return unit === 'ms' ? formatDuration(value) : formatSize(value);
}

function unitless(read: ValueForm['read'], expected: string, schema: object): ValueKind {
  const form: ValueForm = { read, expected };
  return { written: form, exact: form, unit: undefined, verbatim: false, schema };
}

function truth(given: unknown): boolean | undefined {
  return typeof given === 'boolean' ? given : undefined;
}

function pathText(given: unknown): string | undefined {
  return typeof given === 'string' && given !== '' && !given.includes('\0') ? given : undefined;
}

function absolutePathText(given: unknown): string | undefined {
  const text = pathText(given);
  return text !== undefined && isAbsolute(text) ? text : undefined;
}

function hostText(given: unknown): string | undefined {
  if (typeof given !== 'string' || given.length > 253) return undefined;
  return isIP(given) > 0 || /^[a-z0-9._-]+$/i.test(given) ? given : undefined;
}

function hostTexts(given: unknown): string | undefined {
  const all = typeof given === 'string' ? given.split(',').map((one) => hostText(one.trim())) : [];
  return all.length > 0 && !all.includes(undefined) ? all.join(',') : undefined;
}

function secretText(given: unknown): string | undefined {
  return typeof given === 'string' && /^[!-~]{1,1000}$/.test(given) ? given : undefined;
}

function numberIn(given: unknown, min: number, max: number): number | undefined {
  return typeof given === 'number' && given >= min && given <= max ? given : undefined;
}

function wholeIn(given: unknown, min: number, max: number): number | undefined {
  return Number.isInteger(given) ? numberIn(given, min, max) : undefined;
}

/** The number that a bare number or a text with its unit stands for. */
function measured(given: unknown, pattern: RegExp, parse: (written: string | number) => number): number | undefined {
  const isMeasure = typeof given === 'number' || (typeof given === 'string' && pattern.test(given));
  return isMeasure ? parse(given) : undefined;
}

function durationRange(minMs: number, maxMs: number): string {
  return `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
}

function durationSchema(minSeconds: number, maxSeconds: number): object {
  return {
    anyOf: [
      { type: 'number', minimum: minSeconds, maximum: maxSeconds },
      { type: 'string', pattern: DURATION_PATTERN.source },
    ],
  };
}
