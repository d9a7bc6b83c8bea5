import { shown } from '../config/problem.ts';
import { DatabaseError } from '../errors.ts';

/** Whether a result is a generator that waits to be run, or an iteration over rows that ends with the handle. */
export function isIterator(result: unknown): boolean {
  if (typeof result !== 'object' || result === null || !('next' in result) || typeof result.next !== 'function')
    return false;
  return Symbol.iterator in result || Symbol.asyncIterator in result;
}

/** A caller's function has given back something that runs only while somebody iterates over it, which here is too late. */
export function iteratorReturned(which: string): DatabaseError {
  return new DatabaseError('WRONG_USE', `${which} returned an iterator, which nobody would run to its end`, {
    advice: 'give it a function that is no generator, and iterate inside it',
  });
}

/** Throws `WRONG_USE` for what cannot be called, before anything is borrowed or begun for it. */
export function assertFunction(fn: unknown, where: string, explain: (error: DatabaseError) => unknown): void {
  if (typeof fn !== 'function') throw explain(notAFunction(fn, where));
}

/** What is told to who gave it. */
export function notAFunction(given: unknown, where: string): DatabaseError {
  return new DatabaseError('WRONG_USE', `${where}() was given ${shown(given, 'an object')}; expected a function`);
}

/** Throws `WRONG_USE` for what could not be called after COMMIT: then it would be too late to say so. */
export function assertCallback(callback: unknown, explain: (error: DatabaseError) => unknown): void {
  if (typeof callback === 'function') return;
  const advice = 'give it a function; it is called after COMMIT';
  throw explain(new DatabaseError('WRONG_USE', `afterCommit was given a value of type ${typeof callback}`, { advice }));
}
