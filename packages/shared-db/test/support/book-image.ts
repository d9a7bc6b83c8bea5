import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import type { DiskImage } from './power-loss.ts';
import { BOOK, type Row } from './scribe.ts';

/** What is known of a book when the power goes. */
export interface Known {
  readonly opened: boolean;
  /** Calls that were acknowledged. */
  readonly told: ReadonlySet<string>;
  /** What would have been in it in the end, in the order of commits. */
  readonly rows: readonly Row[];
}

/** What is wrong with a book: `lost` is what was acknowledged and is not there any more, `broken` everything else. */
export interface Fault {
  readonly kind: 'lost' | 'broken';
  readonly what: string;
}

/** Opens what is left on a disk, in a directory of its own, and says what is wrong with it. */
export function faultOf(image: DiskImage, directory: string, known: Known): Fault | undefined {
  const book = image.get(BOOK);
  if (book === undefined) return lost(known, [], 'there is no file');
  if (book.length === 0) return broken('the file is empty, and will never be opened');
  for (const [name, content] of image) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  try {
    return faultOfFile(join(directory, BOOK), known);
  } catch (error) {
    return broken(String(error));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function faultOfFile(path: string, known: Known): Fault | undefined {
  using database = closing(new Database(path));
  // Nothing of what is brought into this file has to last.
  database.it.pragma('synchronous = OFF');
  const check = database.it.pragma('integrity_check', { simple: true });
  if (check !== 'ok') return broken(`integrity_check: ${String(check)}`);
  if (known.opened && database.it.pragma('journal_mode', { simple: true }) !== 'wal')
    return broken('it has no write-ahead log');
  if (database.it.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'entry'").get() === undefined)
    return lost(known, [], 'there is no table');
  const rows = database.it.prepare('SELECT id, call, parts FROM entry ORDER BY id').all() as Row[];
  const stray = rows.find(({ id, call }, n) => id !== known.rows[n]?.id || call !== known.rows[n]?.call);
  if (stray !== undefined) return broken(`row ${stray.id} of call ${stray.call} is not where it was committed`);
  const counts = Map.groupBy(rows, ({ call }) => call);
  const half = rows.find(({ call, parts }) => counts.get(call)?.length !== parts);
  if (half !== undefined) return broken(`call ${half.call} is there by halves`);
  return lost(known, rows, `the last of ${rows.length} rows is of call ${rows.at(-1)?.call}`);
}

function lost({ opened, told }: Known, rows: readonly Row[], what: string): Fault | undefined {
  const found = new Set(rows.map(({ call }) => call));
  const missing = [...told].filter((call) => !found.has(call));
  if (missing.length > 0) return { kind: 'lost', what: `call ${missing[0]} was acknowledged, and ${what}` };
  if (opened && what.startsWith('there is no')) return { kind: 'lost', what: `it had been opened, and ${what}` };
  return undefined;
}

function broken(what: string): Fault {
  return { kind: 'broken', what };
}

function closing(it: Database.Database): Disposable & { readonly it: Database.Database } {
  return { it, [Symbol.dispose]: () => it.close() };
}
