import type Database from 'better-sqlite3';
import knex from 'knex';
import { pragmasOf, type PeerWriter, type Writing } from './peer-writer.ts';

/** knex over better-sqlite3: a pool of one connection, a transaction that its callers wait for. */
export function knexWriter(writing: Writing): PeerWriter {
  const { path, statements, beforeCommit } = writing;
  const database = knex({
    client: 'better-sqlite3',
    connection: { filename: path },
    useNullAsDefault: true,
    pool: {
      min: 1,
      max: 1,
      afterCreate: (connection: Database.Database, done: (error: unknown, connection: unknown) => void) => {
        for (const pragma of pragmasOf(writing)) connection.pragma(pragma);
        done(undefined, connection);
      },
    },
  });
  return {
    write: () =>
      database.transaction(async (transaction) => {
        for (const { sql, parameters } of statements) await transaction.raw(sql, parameters);
        beforeCommit();
      }),
    close: () => database.destroy(),
  };
}
