import { DatabaseError } from '@hive/shared-db';

/** The error of a caller's mistake: one sentence that says what was given and what was expected. */
export function wrongUse(what: string, advice?: string): DatabaseError {
  return new DatabaseError('WRONG_USE', what, { advice });
}

/** A value as it may stand in such a sentence: short, and never a whole payload. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 79)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return value === undefined ? 'missing' : `a value of type ${typeof value}`;
}
