import { PoolError } from '@hive/pool';

/** A promise whose state can be read. A rejection that is watched is not unhandled. */
export interface Watched<T> {
  readonly state: 'pending' | 'fulfilled' | 'rejected';
  /** What it was fulfilled with; throws when it was not. */
  readonly value: T;
  /** The pool's error it was rejected with; throws when it was not. */
  readonly error: PoolError;
}

export function watch<T>(promise: Promise<T>): Watched<T> {
  let state: Watched<T>['state'] = 'pending';
  let value: T | undefined;
  let reason: unknown;
  promise.then(
    (result) => {
      state = 'fulfilled';
      value = result;
    },
    (error: unknown) => {
      state = 'rejected';
      reason = error;
    },
  );
  return {
    get state() {
      return state;
    },
    get value() {
      if (state !== 'fulfilled') throw new Error(`expected a fulfilled promise, it is ${state}`, { cause: reason });
      return value as T;
    },
    get error() {
      if (!(reason instanceof PoolError)) throw new Error(`expected a PoolError, the promise is ${state}`);
      return reason;
    },
  };
}
