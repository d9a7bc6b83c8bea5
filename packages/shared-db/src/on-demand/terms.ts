import { shown } from '../config/problem.ts';
import { DatabaseError } from '../errors.ts';

/** How databases by pattern come and go. */
export interface OnDemandTerms {
  /**
   * How many may be open at once. Default 50: one that is used in every way has 19 descriptors open, and 1,024 is what many systems allow
   * a process.
   */
  readonly mostOpen: number;
  /** For how long one that nobody uses stays open, in milliseconds. Default 60 s: opening it again costs a few milliseconds. */
  readonly idleMs: number;
}

const DEFAULT_TERMS: OnDemandTerms = Object.freeze({ mostOpen: 50, idleMs: 60_000 });
const MOST: OnDemandTerms = Object.freeze({ mostOpen: 10_000, idleMs: 2_147_483_647 });

/** Completes them. Throws `CONFIG` for what is no limit. */
export function checkTerms(
  given: { readonly [K in keyof OnDemandTerms]?: OnDemandTerms[K] | undefined },
  where: string,
): OnDemandTerms {
  const { mostOpen = DEFAULT_TERMS.mostOpen, idleMs = DEFAULT_TERMS.idleMs } = given;
  if (!Number.isInteger(mostOpen) || mostOpen < 1 || mostOpen > MOST.mostOpen)
    throw wrong(where, 'mostOpen', mostOpen, `a whole number from 1 to ${MOST.mostOpen}`);
  if (typeof idleMs !== 'number' || !(idleMs >= 0 && idleMs <= MOST.idleMs))
    throw wrong(where, 'idleMs', idleMs, `milliseconds, from 0 to ${MOST.idleMs}`);
  return Object.freeze({ mostOpen, idleMs });
}

function wrong(where: string, key: string, value: unknown, expected: string): DatabaseError {
  return new DatabaseError('CONFIG', `${where} option ${key} is ${shown(value, 'an object')}; expected ${expected}`);
}
