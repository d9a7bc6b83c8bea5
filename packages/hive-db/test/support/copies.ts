import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { run, type Outcome } from './command-line.ts';

/** Runs `backup` or `restore`, which listen to Ctrl-C, with nobody at the keys. */
export function copying(directory: string, ...argv: readonly string[]): Promise<Outcome> {
  return run([...argv, '--runtime-dir', join(directory, 'run')], {
    cwd: directory,
    interruption: () => ({ signal: new AbortController().signal, [Symbol.dispose]: () => undefined }),
  });
}

/** The same, and something happens when everything has been checked and nothing been written. */
export function copyingWhile(happening: () => void, directory: string, ...argv: readonly string[]): Promise<Outcome> {
  return run([...argv, '--runtime-dir', join(directory, 'run')], {
    cwd: directory,
    interruption: () => {
      happening();
      return { signal: new AbortController().signal, [Symbol.dispose]: () => undefined };
    },
  });
}

/** Makes a database with some rows. In write-ahead mode, and closed. */
export function makeDatabase(path: string, ...names: readonly string[]): void {
  using database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE item (name TEXT)');
  const insert = database.prepare('INSERT INTO item VALUES (?)');
  for (const name of names) insert.run(name);
}

/** What is in such a database. */
export function namesIn(path: string): readonly unknown[] {
  // For writing: only then does SQLite tidy up behind it.
  using database = new DatabaseSync(path);
  return database
    .prepare('SELECT name FROM item ORDER BY rowid')
    .all()
    .map(({ name }) => name);
}

/** What lies in a directory, but the place where processes meet. */
export function filesIn(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name !== 'run')
    .toSorted();
}
