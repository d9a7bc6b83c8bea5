import Database from 'better-sqlite3';
import { CompiledQuery, Kysely, SqliteDialect } from 'kysely';
import { pragmasOf, type PeerWriter, type Writing } from './peer-writer.ts';

/** kysely over better-sqlite3: one connection, whose transactions follow each other. */
export function kyselyWriter(writing: Writing): PeerWriter {
  const connection = new Database(writing.path);
  for (const pragma of pragmasOf(writing)) connection.pragma(pragma);
  const database = new Kysely<unknown>({ dialect: new SqliteDialect({ database: connection }) });
  const queries = writing.statements.map(({ sql, parameters }) => CompiledQuery.raw(sql, [...parameters]));
  return {
    write: () =>
      database.transaction().execute(async (transaction) => {
        for (const query of queries) await transaction.executeQuery(query);
        writing.beforeCommit();
      }),
    close: () => database.destroy(),
  };
}
