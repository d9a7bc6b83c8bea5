import type { Thresholds } from './thresholds.ts';

/** A large database is written in large transactions: a log of so many times its size says nothing of a reader that stays. */
const FILES = 2;

/**
 * From what size on, in bytes, the log of a database is too large: the threshold, or twice the database file where that is more. Pure.
 *
 * @param fileBytes of the database file; undefined where that is not known, and then the threshold alone counts
 */
export function logLimitBytes(fileBytes: number | undefined, { walBytes }: Pick<Thresholds, 'walBytes'>): number {
  return Math.max(walBytes, FILES * (fileBytes ?? 0));
}
