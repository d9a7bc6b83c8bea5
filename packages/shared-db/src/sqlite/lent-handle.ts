import type { SqliteHandle, SqliteStatement } from './engine.ts';

type Rows = IterableIterator<unknown>;
type Method = (...given: unknown[]) => unknown;

/** How statements are run. */
const RUNS = ['run', 'get', 'all'] as const;
/** What else is done with a handle. What fails by itself once it is closed, and needs no other words then, is left out: `close`, `backup`. */
const USES = [
  'exec',
  'pragma',
  'function',
  'aggregate',
  'table',
  'serialize',
  'loadExtension',
  'defaultSafeIntegers',
  'unsafeMode',
] as const;
/** The ways to run a function between BEGIN and COMMIT. */
const TRANSACTIONS = ['default', 'deferred', 'immediate', 'exclusive'] as const;

const DONE: IteratorResult<unknown> = Object.freeze({ done: true, value: undefined });

/** Looks after a handle that somebody else has. */
export interface HandleWatch {
  /** Throws once it is not his any more. */
  readonly assertLent: () => void;
  /** Told of whatever he does with it: who works with it has not forgotten it. */
  readonly used: () => void;
}

/**
 * Lends the engine's own handle, as an object that stands before it, and has the watch asked before whatever is done with it: the engine itself
 * says of an iterator that was closed that it is done, as if all rows had been read. Keeps an eye on the iterators of its statements: while one is open
 * the engine refuses to close the connection, which would then keep its snapshot, and the log, for as long as the process lives.
 */
export function lendHandle(handle: SqliteHandle, iterators: Set<Rows>, watch: HandleWatch): SqliteHandle {
  const use = (): void => {
    watch.assertLent();
    watch.used();
  };
  const lent = standIn(handle);
  const prepare = (sql: string): SqliteStatement => {
    use();
    const statement = handle.prepare.call(lent, sql);
    const iterate = statement.iterate.bind(statement) as Method;
    const iterateWatched = (...params: unknown[]): Rows => {
      use();
      return watchedRows(iterate(...params) as Rows, iterators, watch);
    };
    return Object.assign(statement, watched(statement, RUNS, use), { iterate: iterateWatched });
  };
  const transaction = (fn: Method): Method => {
    use();
    return watchedTransaction(handle.transaction.call(lent, fn), use);
  };
  return Object.defineProperties(lent, unlisted({ ...watched(lent, USES, use), prepare, transaction }));
}

/** Another object of the engine's for the same connection, with what it tells of itself: `name`, `open` and the like are its own, as they are the handle's. */
function standIn(handle: SqliteHandle): SqliteHandle {
  return Object.create(
    Object.getPrototypeOf(handle) as object,
    Object.getOwnPropertyDescriptors(handle),
  ) as SqliteHandle;
}

/** Properties that are not seen by who prints the object, or copies it, as the engine's methods are not; who watches queries may replace them. */
function unlisted(values: Readonly<Record<string, unknown>>): PropertyDescriptorMap {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { value, writable: true, configurable: true }]),
  );
}

/** These methods of an object, each of which asks first. */
function watched<T extends object>(
  target: T,
  names: readonly (keyof T & string)[],
  use: () => void,
): Record<string, Method> {
  const asking: Record<string, Method> = {};
  for (const name of names) {
    const method = target[name] as Method;
    asking[name] = (...given) => {
      use();
      return method.apply(target, given);
    };
  }
  return asking;
}

/** The function that the engine makes of one, and its variants, which it has as well. */
function watchedTransaction(made: object, use: () => void): Method {
  const variants = TRANSACTIONS.map((name) => {
    const variant = (made as Record<typeof name, Method>)[name];
    const asking = function (this: unknown, ...given: unknown[]): unknown {
      use();
      return variant.apply(this, given);
    };
    return [name, asking] as const;
  });
  const { database } = made as { readonly database?: unknown };
  const own = { ...unlisted(Object.fromEntries(variants)), database: { value: database, enumerable: true } };
  for (const [, variant] of variants) Object.defineProperties(variant, own);
  return variants[0]?.[1] as Method;
}

function watchedRows(rows: Rows, iterators: Set<Rows>, { assertLent, used }: HandleWatch): Rows {
  let isOver = false;
  iterators.add(rows);
  const noted = (result: IteratorResult<unknown>): IteratorResult<unknown> => {
    used();
    if (result.done === true) {
      isOver = true;
      iterators.delete(rows);
    }
    return result;
  };
  const watched: Rows = {
    next: () => {
      if (isOver) return DONE;
      assertLent();
      return noted(rows.next());
    },
    // To leave is nobody's mistake, whenever it is.
    return: () => noted(rows.return?.() ?? DONE),
    [Symbol.iterator]: () => watched,
  };
  return watched;
}
