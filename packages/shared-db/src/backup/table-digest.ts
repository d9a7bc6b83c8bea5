import { createHash, type Hash } from 'node:crypto';
import type { SqliteHandle } from '../sqlite/engine.ts';

/** What is in one table: two tables with the same digest have the same rows, in the same order. */
export interface TableDigest {
  readonly name: string;
  readonly rows: number;
  readonly sha256: string;
}

/** Every table that has rows of its own, those of SQLite and of its indexes for text among them; views and virtual tables have none. */
const TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name";
/** The schema itself: tables, indexes, views and triggers as they were written. */
const SCHEMA = 'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name';
const SCHEMA_NAME = 'sqlite_schema';
/** Rows between two breaths, and bytes that are hashed at a time. */
const BREATH_ROWS = 20_000;
const CHUNK_BYTES = 64 * 1024;

/**
 * Reads every row of every table, in the order in which the file has them, and the schema first. To be called where nothing changes
 * meanwhile. `breathe` is called now and then and may throw.
 */
export async function tableDigests(
  handle: SqliteHandle,
  breathe: (rows: number) => Promise<void>,
): Promise<readonly TableDigest[]> {
  const names = handle.prepare(TABLES).pluck().all() as string[];
  const digests = [await digestOf(handle, SCHEMA_NAME, SCHEMA, breathe)];
  for (const name of names)
    digests.push(await digestOf(handle, name, `SELECT * FROM "${name.replaceAll('"', '""')}"`, breathe));
  return digests;
}

async function digestOf(
  handle: SqliteHandle,
  name: string,
  sql: string,
  breathe: (rows: number) => Promise<void>,
): Promise<TableDigest> {
  const hash = new RowHash();
  let rows = 0;
  for (const row of handle.prepare(sql).raw().safeIntegers().iterate() as IterableIterator<readonly unknown[]>) {
    hash.add(row);
    rows++;
    if (rows % BREATH_ROWS === 0) await breathe(rows);
  }
  return { name, rows, sha256: hash.digest() };
}

/** Rows as bytes that no other rows of as many columns share: each value with its type, and its length where that varies. */
class RowHash {
  readonly #hash: Hash = createHash('sha256');
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #filled = 0;

  add(row: readonly unknown[]): void {
    for (const value of row) this.#value(value);
  }

  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #value(value: unknown): void {
    if (typeof value === 'bigint') {
      this.#tag('i', 8);
      this.#filled = this.#chunk.writeBigInt64LE(value, this.#filled);
    } else if (typeof value === 'number') {
      this.#tag('r', 8);
      this.#filled = this.#chunk.writeDoubleLE(value, this.#filled);
    } else if (typeof value === 'string') this.#bytes('t', Buffer.from(value, 'utf8'));
    else if (value instanceof Uint8Array) this.#bytes('b', value);
    else this.#tag('0', 0);
  }

  #bytes(tag: string, bytes: Uint8Array): void {
    this.#tag(tag, 4);
    this.#filled = this.#chunk.writeUInt32LE(bytes.length, this.#filled);
    if (bytes.length <= CHUNK_BYTES - this.#filled) {
      this.#chunk.set(bytes, this.#filled);
      this.#filled += bytes.length;
      return;
    }
    this.#flush();
    this.#hash.update(bytes);
  }

  /** Writes a tag, and makes room for what follows it. */
  #tag(tag: string, room: number): void {
    if (this.#filled + 1 + room > CHUNK_BYTES) this.#flush();
    this.#filled = this.#chunk.writeUInt8(tag.charCodeAt(0), this.#filled);
  }

  #flush(): void {
    this.#hash.update(this.#chunk.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
