import type { SqliteHandle, SqliteStatement } from './engine.ts';

type Rows = IterableIterator<unknown>;

/**
 * Lends the engine's own handle, and keeps an eye on the iterators of its statements: while one is open the engine refuses to close the
 * connection, which would then keep its snapshot, and the log, for as long as the process lives.
 */
export function lendHandle(handle: SqliteHandle, iterators: Set<Rows>): SqliteHandle {
  const prepare = handle.prepare.bind(handle);
  const watched = (sql: string): SqliteStatement => {
    const statement = prepare(sql);
    const iterate = statement.iterate.bind(statement);
    statement.iterate = (...params) => watch(iterate(...params) as Rows, iterators);
    return statement;
  };
  return Object.assign(handle, { prepare: watched });
}

function watch(rows: Rows, iterators: Set<Rows>): Rows {
  iterators.add(rows);
  const forgetting = (result: IteratorResult<unknown>): IteratorResult<unknown> => {
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
