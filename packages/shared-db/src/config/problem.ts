import { DatabaseError, isKind } from '../errors.ts';

/** One thing that is wrong with the settings. */
export interface Problem {
  /** Where it comes from: `settings.yaml:3`, `environment`, `code`. */
  readonly where: string;
  /** The key, and what was expected of it. */
  readonly what: string;
  readonly advice?: string | undefined;
}

/**
 * The error that refuses all settings: the sentence of the first problem and the number of the others. With more than one,
 * `cause` is an `AggregateError` of one `DatabaseError` each.
 */
export function refusal(first: Problem, ...others: readonly Problem[]): DatabaseError {
  const errors = [first, ...others].map(
    ({ where, what, advice }) => new DatabaseError('CONFIG', `${where}: ${what}`, { advice }),
  );
  const [only, ...more] = errors;
  if (only !== undefined && more.length === 0) return only;
  const count = more.length === 1 ? '1 more setting is' : `${more.length} more settings are`;
  return new DatabaseError('CONFIG', `${only?.message}; ${count} wrong`, { cause: new AggregateError(errors) });
}

/** A wrong value in a sentence: short, on one line. `group` says what an object would be. */
export function shown(value: unknown, group = 'a group of settings'): string {
  if (value === undefined) return 'undefined';
  if (value === null) return 'empty';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? group : `a ${typeof value}`;
}

/** The sentences of an error that refuses settings, one for each problem. Throws anything else on. */
export function problemsIn(error: unknown): readonly string[] {
  if (!isKind(error, 'CONFIG')) throw error;
  const { cause } = error;
  return cause instanceof AggregateError ? cause.errors.map((one) => (one as Error).message) : [error.message];
}
