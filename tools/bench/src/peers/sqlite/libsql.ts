import Database from 'libsql';
import { pragmasOf, type PeerWriter, type Writing } from './peer-writer.ts';

/** libsql, with an engine of its own (a SQLite of 2024) and the interface of better-sqlite3. */
export function libsqlWriter(writing: Writing): PeerWriter {
  const database = new Database(writing.path);
  for (const pragma of pragmasOf(writing)) database.pragma(pragma);
  const statements = writing.statements.map(({ sql, parameters }) => ({ prepared: database.prepare(sql), parameters }));
  const transaction = database.transaction(() => {
    for (const { prepared, parameters } of statements) prepared.run(...parameters);
    writing.beforeCommit();
  });
  return {
    write: () => {
      transaction.immediate();
    },
    close: () => {
      database.close();
      return Promise.resolve();
    },
  };
}
