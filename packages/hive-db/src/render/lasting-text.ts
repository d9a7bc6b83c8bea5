import type { Lasting } from '../documents/lasting.ts';
import { duration } from './figures.ts';
import { safe } from './safe-text.ts';

/** For how long something is so and since when, to the second: `  for 3 min (since 2026-11-22T14:02:11Z)`. Nothing where that is not known. */
export function lastingText({ since = null, for_seconds: seconds = null }: Partial<Lasting>): string {
  if (since === null || seconds === null) return '';
  return `  for ${duration(seconds)} (since ${safe(since.replace(/\.\d+Z$/, 'Z'))})`;
}
