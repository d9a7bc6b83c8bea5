import { rmSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '@hive/pool/clock';
import { classifyCode } from '../sqlite/classify.ts';
import { openEngine, SqliteError, type SqliteHandle } from '../sqlite/engine.ts';
import { openReader } from '../sqlite/open.ts';
import type { CopyFailure, CopyFault, CopyMessage, CopyOrder, CopyPhase, CopyReport } from './copy-message.ts';
import { tableDigests, type TableDigest } from './table-digest.ts';

/** How long to wait for a process that has the source for itself, such as one that recovers it after a crash. */
const LOCK_TIMEOUT_MS = 10_000;
/** Pages between two breaths: a few megabytes. */
const STEP_PAGES = 1_000;
/** What a copy needs beside its pages while it is made. */
const SPARE_BYTES = 1024 * 1024;
const SAY_EVERY_MS = 100;

/** Why it does not go on, in a sentence. */
class Obstacle extends Error implements CopyFailure {
  readonly fault: CopyFault;
  readonly reason: string;

  constructor(fault: CopyFault, reason: string) {
    super(reason);
    this.fault = fault;
    this.reason = reason;
  }
}

/**
 * Copies one database and verifies the copy. This process holds nothing else open: no descriptor that it closes can drop a lock of
 * anybody. It ends when the one that has started it does.
 */
class Copying {
  readonly #order: CopyOrder;
  #orphaned = false;
  #saidAt = -Infinity;

  constructor(order: CopyOrder) {
    this.#order = order;
    process.stdin.on('end', () => {
      this.#orphaned = true;
    });
    process.stdin.resume();
  }

  async run(): Promise<CopyReport> {
    const { source, copy } = this.#order;
    try {
      const tables = await this.#read();
      await this.#verify(tables);
      return { bytes: statSync(copy).size, tables: tables.slice(1) };
    } catch (error) {
      removeCopy(copy);
      throw error;
    } finally {
      tidy(source);
      process.stdin.destroy();
    }
  }

  /**
   * Copies page by page inside one read transaction: from one snapshot, however much is written meanwhile, so that it ends however much
   * that is. Without the transaction every commit of another process would make SQLite begin again.
   */
  async #read(): Promise<readonly TableDigest[]> {
    const { source } = this.#order;
    return this.#of(source, 'unreadable', async () => {
      const handle = openReader(source, LOCK_TIMEOUT_MS);
      try {
        handle.exec('BEGIN');
        // The transaction has its snapshot from here on.
        const pages = Number(handle.pragma('page_count', { simple: true }));
        this.#assertRoom(pages * Number(handle.pragma('page_size', { simple: true })));
        await this.#copyPages(handle);
        return await tableDigests(handle, (rows) => this.#breathe('reading', rows));
      } finally {
        handle.close();
      }
    });
  }

  async #copyPages(handle: SqliteHandle): Promise<void> {
    const { copy } = this.#order;
    const progress = ({ totalPages, remainingPages }: { totalPages: number; remainingPages: number }): number => {
      this.#say('copying', totalPages - remainingPages, totalPages);
      this.#assertWanted();
      return STEP_PAGES;
    };
    await this.#of(copy, 'unwritable', () => handle.backup(copy, { progress }));
  }

  #assertRoom(bytes: number): void {
    const directory = dirname(this.#order.copy);
    const { bavail, bsize } = statfsSync(directory);
    const free = bavail * bsize;
    if (free >= bytes + SPARE_BYTES) return;
    throw new Obstacle('no-space', `${directory} has ${free} bytes free, and the copy needs ${bytes + SPARE_BYTES}`);
  }

  /** The copy is sound in itself, and holds what the source held. */
  async #verify(expected: readonly TableDigest[]): Promise<void> {
    const { copy, source, journal } = this.#order;
    await this.#of(copy, 'unwritable', async () => {
      const handle = openEngine(copy, { readonly: false, busyTimeoutMs: 0 });
      try {
        handle.pragma(`journal_mode = ${journal}`);
        this.#say('checking', 0, undefined);
        const found = String(handle.pragma('integrity_check(1)', { simple: true }));
        if (found !== 'ok') throw new Obstacle('damaged', `${source} is damaged: ${found}`);
        const tables = await tableDigests(handle, (rows) => this.#breathe('comparing', rows));
        const wrong = difference(expected, tables);
        if (wrong !== undefined) throw new Obstacle('differs', `the copy differs from ${source} in ${wrong}`);
      } finally {
        handle.close();
      }
    });
  }

  async #breathe(phase: CopyPhase, done: number): Promise<void> {
    this.#say(phase, done, undefined);
    await new Promise<void>((resolve) => {
      systemClock.nextTurn(resolve);
    });
    this.#assertWanted();
  }

  #assertWanted(): void {
    if (this.#orphaned) throw new Obstacle('interrupted', 'nobody waits for the copy any more');
  }

  #say(phase: CopyPhase, done: number, total: number | undefined): void {
    const now = systemClock.now();
    if (now - this.#saidAt < SAY_EVERY_MS && phase !== 'checking') return;
    this.#saidAt = now;
    say({ progress: { phase, done, total } });
  }

  /** What the engine says of a file, in words of ours. */
  async #of<T>(path: string, fault: 'unreadable' | 'unwritable', run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error;
      const { kind, message } = classifyCode(error.code, error.message, 'statement');
      // Pages are copied as they are: what is wrong with them was wrong before. A disk that does not read says nothing about them.
      if ((kind === 'CORRUPT' || kind === 'NOT_A_DATABASE') && !error.code.startsWith('SQLITE_IOERR'))
        throw new Obstacle('damaged', `${this.#order.source}: ${message}`);
      const reason = `${path}: ${message}`;
      if (kind === 'DISK_FULL') throw new Obstacle('no-space', reason);
      throw new Obstacle(kind === 'BUSY_TIMEOUT' ? 'busy' : fault, reason);
    }
  }
}

/** Where two lists of tables part, in words; undefined where they do not. */
function difference(expected: readonly TableDigest[], found: readonly TableDigest[]): string | undefined {
  if (expected.length !== found.length) return `its tables: ${found.length} instead of ${expected.length}`;
  const wrong = expected.find(({ name, sha256 }, at) => found[at]?.name !== name || found[at].sha256 !== sha256);
  return wrong && `table ${wrong.name}`;
}

function removeCopy(copy: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${copy}${suffix}`, { force: true });
}

/**
 * Who reads a database that nobody has open makes an empty log for it and, as a reader, may not remove it. SQLite itself does when the
 * database is opened for writing and closed by the last one; nothing is written.
 */
function tidy(source: string): void {
  try {
    if (statSync(`${source}-wal`, { throwIfNoEntry: false })?.size !== 0) return;
    const handle = openEngine(source, { readonly: false, busyTimeoutMs: 0 });
    handle.pragma('schema_version', { simple: true });
    handle.close();
  } catch {
    // An empty log is no harm.
  }
}

function say(message: CopyMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function failureOf(error: unknown): CopyFailure {
  if (error instanceof Obstacle) return { fault: error.fault, reason: error.reason };
  return { fault: 'unwritable', reason: error instanceof Error ? error.message : String(error) };
}

const [, , order = ''] = process.argv;
try {
  say({ report: await new Copying(JSON.parse(order) as CopyOrder).run() });
} catch (error) {
  say({ failure: failureOf(error) });
}
