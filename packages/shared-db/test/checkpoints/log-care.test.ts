import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
// By themselves: what SQLite was told to do at COMMIT only the connection says that writes.
import { Checkpointer } from '../../dist/checkpoints/checkpointer.js';
import { LogCare } from '../../dist/checkpoints/log-care.js';
import type { SqliteHandle } from '../../dist/sqlite/engine.js';
import { createDatabase, openWriter } from '../../dist/sqlite/open.js';
import { identityOf } from '../../dist/sqlite/path.js';
import { silentLogger } from '../../dist/logger.js';
import { systemClock } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { checkpointThreads } from '../support/checkpoint-threads.ts';

const PATIENT = { timeout: 20_000, interval: 20 };
const SQLITES_OWN = 1_000;
const HELP_ONLY = 12_000;

interface Cared extends AsyncDisposable {
  readonly care: LogCare;
  readonly writer: SqliteHandle;
  /** From how many frames on SQLite checkpoints at COMMIT. */
  readonly ownFrames: () => unknown;
  readonly write: () => void;
}

function cared(pauseWrites = nobodyWaits): Cared {
  const stack = new AsyncDisposableStack();
  const path = stack.use(temporaryDirectory()).file('test.db');
  createDatabase(path, systemClock);
  const checkpointer = new Checkpointer(silentLogger);
  const care = new LogCare(checkpointer, {
    database: 'test',
    path,
    durability: 'normal',
    logger: silentLogger,
    identity: () => identityOf(path)!,
    pauseWrites,
    explain: ({ message }) => new Error(message),
  });
  const writer = openWriter('test', path, 'normal');
  writer.exec('CREATE TABLE t (n)');
  care.writtenBy(writer);
  stack.defer(async () => {
    await care.close();
    writer.close();
    await checkpointer.close();
  });
  return {
    care,
    writer,
    ownFrames: () => writer.pragma('wal_autocheckpoint', { simple: true }),
    write: () => {
      writer.exec('INSERT INTO t VALUES (1)');
      care.committed();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function nobodyWaits(): Promise<Disposable> {
  return Promise.reject(new Error('nobody writes here'));
}

describe('SQLite itself', () => {
  it('only helps with a log that is kept short by a thread, and sees to it alone before, and after the thread has died', async () => {
    using threads = checkpointThreads();
    await using file = cared();
    file.write();
    expect(file.ownFrames()).toBe(SQLITES_OWN);
    await expect.poll(file.ownFrames, PATIENT).toBe(HELP_ONLY);
    await threads.kill();
    await expect.poll(file.ownFrames, PATIENT).toBe(SQLITES_OWN);
    await expect.poll(file.ownFrames, PATIENT).toBe(HELP_ONLY);
  });

  it('does so again from the moment on at which the thread lets go of it', async () => {
    await using file = cared();
    file.write();
    await expect.poll(file.ownFrames, PATIENT).toBe(HELP_ONLY);
    const stopped = file.care.stop();
    expect(file.ownFrames()).toBe(SQLITES_OWN);
    await stopped;
    // What was stopped stays so, whoever commits, until the database has been opened anew.
    file.write();
    expect(file.care.snapshot().by).toBe('sqlite');
    file.care.writtenBy(file.writer);
    file.write();
    await expect.poll(file.ownFrames, PATIENT).toBe(HELP_ONLY);
  });

  it('is told later where a statement is running at that moment', async () => {
    await using file = cared();
    for (let n = 0; n < 3; n++) file.write();
    const rows = file.writer.prepare('SELECT n FROM t').iterate();
    rows.next();
    await expect.poll(() => file.care.snapshot().by, PATIENT).toBe('thread');
    rows.return?.();
    await expect.poll(file.ownFrames, PATIENT).toBe(HELP_ONLY);
  });

  it('a writer that is opened later is told as well', async () => {
    await using file = cared();
    file.write();
    await expect.poll(file.ownFrames, PATIENT).toBe(HELP_ONLY);
    file.writer.pragma(`wal_autocheckpoint = ${SQLITES_OWN}`);
    file.care.writtenBy(file.writer);
    expect(file.ownFrames()).toBe(HELP_ONLY);
  });
});

describe('a log that is let go of', () => {
  it("is nobody else's by then: its writer is the last to close, and removes it", async () => {
    await using file = cared();
    file.write();
    await expect.poll(file.ownFrames, PATIENT).toBe(HELP_ONLY);
    const log = `${file.writer.name}-wal`;
    expect(existsSync(log)).toBe(true);
    await file.care.close();
    file.writer.close();
    expect(existsSync(log)).toBe(false);
  });
});

describe('a writer who does not let go of the write lock', () => {
  it('is asked to, for a moment, when the log is over its limit', async () => {
    let asked = 0;
    let resumed = 0;
    await using file = cared(() => {
      asked++;
      file.writer.exec('COMMIT');
      return Promise.resolve({ [Symbol.dispose]: () => resumed++ });
    });
    const { writer, care } = file;
    file.write();
    await expect.poll(file.ownFrames, PATIENT).toBe(HELP_ONLY);
    writer.exec(`INSERT INTO t SELECT zeroblob(3_000) FROM ${rows(2_500)}`);
    writer.exec('BEGIN IMMEDIATE');
    const resumedOf = (): number => {
      // As far as the thread can see somebody writes on.
      care.committed();
      return resumed;
    };
    await expect.poll(resumedOf, PATIENT).toBe(1);
    expect(asked).toBe(1);
    // Who looks again before the next write finds the log as large as it was, and empties it once more.
    expect(care.snapshot().counters.restart).toBeGreaterThan(0);
    expect(care.snapshot().counters.pauses).toBe(1);
    // With nothing left in it, the next write begins the log anew.
    file.write();
    await expect.poll(() => care.snapshot().frames, PATIENT).toBeLessThan(10);
  });
});

/** A table of so many rows. */
function rows(count: number): string {
  return `(WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ${count}) SELECT n FROM r)`;
}
