import type { SqliteHandle, SqliteStatement } from './engine.ts';

type Rows = IterableIterator<unknown>;

/** How statements are run. */
const RUNS = ['run', 'get', 'all'] as const;

/**
 * Lends the engine's own handle, and tells `used` of whatever is done with it: who works with it has not forgotten it. Keeps an eye on the iterators of its statements: while one is open the engine refuses to close the
 * connection, which would then keep its snapshot, and the log, for as long as the process lives.
 */
export function lendHandle(handle: SqliteHandle, iterators: Set<Rows>, used: () => void): SqliteHandle {
  const prepare = handle.prepare.bind(handle);
  const watched = (sql: string): SqliteStatement => {
    const statement = counted(prepare(sql), RUNS, used);
    const iterate = statement.iterate.bind(statement);
    statement.iterate = (...params) => watch(iterate(...params) as Rows, iterators, used);
    return statement;
  };
  return Object.assign(counted(handle, ['exec', 'pragma'], used), { prepare: watched });
}

/** The same object, of which each of these functions says that it is called. */
function counted<T extends object>(target: T, names: readonly (keyof T & string)[], used: () => void): T {
  for (const name of names) {
    const call = (target[name] as (...given: unknown[]) => unknown).bind(target);
    const counting = (...given: unknown[]): unknown => {
      used();
      return call(...given);
    };
    Object.assign(target, { [name]: counting });
  }
  return target;
}

function watch(rows: Rows, iterators: Set<Rows>, used: () => void): Rows {
  iterators.add(rows);
  const forgetting = (result: IteratorResult<unknown>): IteratorResult<unknown> => {
    used();
    if (result.done === true) iterators.delete(rows);
    return result;
  };
  const watched: Rows = {
    next: () => forgetting(rows.next()),
    return: () => forgetting(rows.return?.() ?? { done: true, value: undefined }),
    [Symbol.iterator]: () => watched,
  };
  return watched;
}
