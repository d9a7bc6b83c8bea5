import { statSync } from 'node:fs';
import type { Access } from '../driver/driver.ts';
import { DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { SqliteHandle } from './engine.ts';
import { OPENING } from './own-labels.ts';
import { identityOf, leadsTo, sizeOf, type FileIdentity } from './path.ts';

/** Until the file is there. */
const NO_FILE: FileIdentity = { device: -1, inode: -1, key: '' };

/** The file of a database and the log beside it: whether their paths still lead to what was opened. Never opens either. */
export class WatchedFile {
  readonly path: string;
  readonly #database: string;
  readonly #fence: (failure: DatabaseError) => void;
  #identity: FileIdentity = NO_FILE;
  /** The log that the writer writes to. While that is open nobody deletes it who obeys the locks; the last who closes does. */
  #log: { readonly writer: SqliteHandle; readonly identity: FileIdentity | undefined } | undefined;

  /** @param fence stops writes, after a check that has failed. */
  constructor(database: string, path: string, fence: (failure: DatabaseError) => void) {
    this.#database = database;
    this.path = path;
    this.#fence = fence;
  }

  /** Stands for the file itself, whatever its name. Empty until `recognise`. */
  get key(): string {
    return this.#identity.key;
  }

  /** Of the file that was opened. */
  get identity(): FileIdentity {
    return this.#identity;
  }

  /** From now on the file that is there is the right one. */
  recognise(): void {
    this.#identity = identityOf(this.path) ?? NO_FILE;
  }

  /** The writer has been opened, and with it the log. */
  writtenBy(writer: SqliteHandle): void {
    this.#log = { writer, identity: identityOf(`${this.path}-wal`) };
  }

  /** Throws `FILE_REPLACED` where a connection must not be opened: the path, or that of the log for one that reads it, leads elsewhere. */
  assertMayOpen(access: Access, label?: Label): void {
    this.assertSame('another one is not opened in its place', label);
    if (access === 'read') this.assertSameLog(label ?? OPENING);
  }

  /**
   * Throws `FILE_REPLACED` when the path leads elsewhere. Opening another file here would mix two databases in one, and would share the
   * `-shm` file of ours: closing it drops our locks (sqlite.org/howtocorrupt.html, section 2.2).
   */
  assertSame(consequence: string, label?: Label): void {
    if (leadsTo(this.path, this.#identity)) return;
    const what = `${this.path} is not the file that was opened; ${consequence}`;
    const advice =
      'something moved, deleted or replaced the file while it was in use: find out what, then start the process again';
    throw this.#replaced(what, advice, label);
  }

  /** Throws `FILE_REPLACED` when the log has lost its name: what is written to it then is there for this process alone, until it ends. */
  assertSameLog(label: Label): void {
    const path = `${this.path}-wal`;
    const log = this.#log?.writer.open === true ? this.#log.identity : undefined;
    // Where the database itself has gone with it, that is told instead.
    if (log === undefined || leadsTo(path, log) || !leadsTo(this.path, this.#identity)) return;
    const what = `${path} was deleted or replaced; nothing more is written, and no connection is opened`;
    const advice =
      'do not kill the process: end it in the ordinary way, which brings what was committed into the database file, and find out what did it';
    throw this.#replaced(what, advice, label);
  }

  /** Whether both paths lead to what was opened. */
  get isInPlace(): boolean {
    const log = this.#log?.writer.open === true ? this.#log.identity : undefined;
    return leadsTo(this.path, this.#identity) && (log === undefined || leadsTo(`${this.path}-wal`, log));
  }

  /** Changes when the file does, as far as the file system says; a write that comes back to the same size within its clock's tick is missed. */
  get mark(): string {
    const { mtimeMs, size } = statSync(this.path, { throwIfNoEntry: false }) ?? {};
    return `${mtimeMs} ${size}`;
  }

  /** What the file system says of both; undefined also where it says nothing to this user. */
  sizes(): { readonly fileBytes: number | undefined; readonly walBytes: number | undefined } {
    return { fileBytes: knownSize(this.path), walBytes: knownSize(`${this.path}-wal`) };
  }

  #replaced(what: string, advice: string, label: Label | undefined): DatabaseError {
    const error = new DatabaseError('FILE_REPLACED', what, { database: this.#database, label: label?.text, advice });
    this.#fence(error);
    return error;
  }
}

/** A picture is taken of what can be seen: a directory that may not be entered is no reason for having none. */
function knownSize(path: string): number | undefined {
  try {
    return sizeOf(path);
  } catch {
    return undefined;
  }
}
