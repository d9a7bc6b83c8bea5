import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { DURATION_PATTERN, SIZE_PATTERN, formatDuration, formatSize, parseDuration, parseSize } from './measure.ts';

/** What a setting can be in the end. */
export type SettingValue = string | number | boolean;

/** How one kind of source gives a value: the check, which also brings it to its final form, and what it expects in words. */
interface ValueForm {
  readonly schema: z.ZodType<SettingValue>;
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
}

export function wholeNumber(min: number, max: number): ValueKind {
  return unitless(z.int().min(min).max(max), `a whole number from ${min} to ${max}`);
}

/** A part of the whole: 0.8 is 80 %. */
export function share(): ValueKind {
  return unitless(z.number().min(0).max(1), 'a share from 0 to 1, such as 0.8');
}

export function flag(): ValueKind {
  return unitless(z.boolean(), 'true or false');
}

/** One of these words. */
export function choice(...words: readonly [string, ...string[]]): ValueKind {
  return unitless(z.enum(words), `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`);
}

/** True, false or one more word. */
export function flagOr(word: string): ValueKind {
  return unitless(z.union([z.boolean(), z.literal(word)]), `true, false or ${word}`);
}

/** A path that may be relative. */
export function path(): ValueKind {
  return { ...unitless(pathText(), 'a path'), verbatim: true };
}

export function absolutePath(): ValueKind {
  return { ...unitless(pathText().refine(isAbsolute), 'an absolute path'), verbatim: true };
}

/** Whole milliseconds in code, seconds or a text with its unit elsewhere. */
export function duration(minMs: number, maxMs: number): ValueKind {
  const exact = z.int().min(minMs).max(maxMs);
  const written = z.union([
    z
      .number()
      .min(minMs / 1_000)
      .max(maxMs / 1_000),
    z.string().regex(DURATION_PATTERN),
  ]);
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return {
    written: {
      schema: written.transform(parseDuration).pipe(exact),
      expected: `a duration ${range}, such as 250ms, 5s or 10 (seconds)`,
    },
    exact: { schema: exact, expected: `a whole number of milliseconds from ${minMs} to ${maxMs}` },
    unit: 'ms',
    verbatim: false,
  };
}

/** A duration, or 0 for never, which older settings write as -1. */
export function durationOrNever(minMs: number, maxMs: number): ValueKind {
  const exact = z.union([z.literal(0), z.int().min(minMs).max(maxMs)]);
  const written = z.union([
    z
      .number()
      .min(-1)
      .max(maxMs / 1_000),
    z.string().regex(DURATION_PATTERN),
  ]);
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return {
    written: {
      schema: written.transform((value) => (value === -1 ? 0 : parseDuration(value))).pipe(exact),
      expected: `a duration ${range}, such as 30m or 1800 (seconds), or 0 or -1 for never`,
    },
    exact: { schema: exact, expected: `a whole number of milliseconds from ${minMs} to ${maxMs}, or 0 for never` },
    unit: 'ms',
    verbatim: false,
  };
}

/** Whole bytes, or a text with its unit outside code. */
export function size(min: number, max: number): ValueKind {
  const exact = z.int().min(min).max(max);
  const written = z.union([exact, z.string().regex(SIZE_PATTERN)]);
  return {
    written: {
      schema: written.transform(parseSize).pipe(exact),
      expected: `a size from ${formatSize(min)} to ${formatSize(max)}, such as 64MiB`,
    },
    exact: { schema: exact, expected: `a whole number of bytes from ${min} to ${max}` },
    unit: 'bytes',
    verbatim: false,
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

function unitless(schema: z.ZodType<SettingValue>, expected: string): ValueKind {
  const form: ValueForm = { schema, expected };
  return { written: form, exact: form, unit: undefined, verbatim: false };
}

function pathText(): z.ZodString {
  return z
    .string()
    .min(1)
    .refine((text) => !text.includes('\0'));
}
