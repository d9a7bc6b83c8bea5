import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { companionWith } from './companion.ts';
import type { DiskRecorder, DiskRecording } from './disk-events.ts';

/** What a scribe may use, beside what every companion may. It marks what it is told of its writes, as soon as it is. */
const PRELUDE = `
  import { fsyncSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
  import { dirname } from 'node:path';
  import { setTimeout as pause } from 'node:timers/promises';
  import Direct from 'better-sqlite3';
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const [path, marks, durability, name] = args;
  const file = openSync(marks, 'a');
  const mark = (mark) => writeSync(file, JSON.stringify(mark) + '\\n');
  const SCHEMA = 'CREATE TABLE entry (id INTEGER PRIMARY KEY, call TEXT NOT NULL, parts INTEGER NOT NULL, filler TEXT); CREATE INDEX by_call ON entry (call)';
  let service, book, number = 0, filler = 'x'.repeat(400);
  const open = async () => {
    const migrations = [{ id: 1, name: 'book', sql: SCHEMA }];
    const databases = { book: sqlite({ path, durability, migrations, required: true }) };
    service = await openDatabaseService({ app: name, presence: false, databases });
    book = service.database('book');
    mark({ opened: true });
  };
  const INSERT = 'INSERT INTO entry (call, parts, filler) VALUES (?, ?, ?)';
  const call = () => name + ' ' + number++;
  const write = async (parts = 1) => {
    const told = call();
    await book.write('book', (tx) => { for (let n = 0; n < parts; n++) tx.run(INSERT, told, parts, filler); });
    mark({ told });
  };
  const transaction = async (parts = 2) => {
    const told = call();
    await book.transaction('book slowly', async (tx) => {
      for (let n = 0; n < parts; n++) await tx.run(INSERT, told, parts, filler);
    });
    mark({ told });
  };
  const fail = () =>
    book.write('fail', (tx) => {
      tx.run(INSERT, call(), 1, filler);
      throw new Error('mine');
    }).catch(() => undefined);
  const together = (count, make) => Promise.all(Array.from({ length: count }, make));
  const end = async () => {
    mark({ rows: book.readSync('all', (c) => c.all('SELECT id, call, parts FROM entry ORDER BY id')) });
    await service.close();
  };
`;

/** A row of the book. */
export interface Row {
  readonly id: number;
  readonly call: string;
  /** How many rows its call has written. */
  readonly parts: number;
}

/** What a scribe has marked: that it has opened the book, that a call was acknowledged, and all rows, when it ends. */
export type Mark = { readonly opened: true } | { readonly told: string } | { readonly rows: readonly Row[] };

/** What scribes do. */
export interface Workload {
  readonly program: string;
  readonly durability?: 'full' | 'normal';
  /** How long each sync takes, in microseconds. Default 0. */
  readonly syncUs?: number;
  /** How many do it at once, in processes of their own. Default 1. */
  readonly scribes?: number;
}

/** The book's place below the directory that is recorded. Its directory is not there yet. */
export const BOOK = 'data/book.db';

/** Lets scribes do their work, and writes down in `directory` what they do to the disk. */
export async function recordScribes(
  recorder: DiskRecorder,
  directory: string,
  { program, durability = 'full', syncUs = 0, scribes = 1 }: Workload,
): Promise<DiskRecording> {
  const recording = { root: join(directory, 'disk'), marks: join(directory, 'marks'), log: join(directory, 'log') };
  mkdirSync(recording.root);
  const environment = recorder.environment(recording, syncUs);
  const endings = Array.from({ length: scribes }, async (_, n) => {
    const args = [join(recording.root, BOOK), recording.marks, durability, `scribe-${n}`];
    await using scribe = companionWith(environment, `${PRELUDE}\n${program}`, ...args);
    return await scribe.end();
  });
  for (const { code, stderr } of await Promise.all(endings))
    if (code !== 0) throw new Error(`a scribe has failed: ${stderr}`);
  return recording;
}
