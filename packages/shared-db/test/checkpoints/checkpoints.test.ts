import { once } from 'node:events';
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CheckpointSnapshot, SqliteDatabase } from '@hive/shared-db';
import { checkpointThreads } from '../support/checkpoint-threads.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { itemsOf, shop } from '../support/shop.ts';

/** A busy machine is no reason to fail. */
const PATIENT = { timeout: 20_000, interval: 20 };

function checkpointsOf(database: SqliteDatabase): CheckpointSnapshot {
  const { checkpoints } = database.snapshot();
  if (checkpoints === undefined) throw new Error('a SQLite database has a log');
  return checkpoints;
}

let names = 0;

/** Frames that it takes to save many, at least: each item has a page of its own in the table, and one in the index. */
const MANY_FRAMES = 200;

async function saveMany(database: SqliteDatabase): Promise<void> {
  await database.write('save many', (tx) => {
    for (let n = 0; n < MANY_FRAMES / 2; n++)
      tx.run('INSERT INTO item (name) VALUES (?)', `${'x'.repeat(3_000)}${names++}`);
  });
}

async function taken(database: SqliteDatabase): Promise<void> {
  await database.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', `first ${names++}`));
  await expect.poll(() => checkpointsOf(database).by, PATIENT).toBe('thread');
}

function backlogOf(database: SqliteDatabase): number {
  const { frames = 0, backfilledFrames = 0 } = checkpointsOf(database);
  return frames - backfilledFrames;
}

function logBytes(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

describe('a database that nobody writes', () => {
  it('has no thread; SQLite would see to its log', async () => {
    using threads = checkpointThreads();
    await using temporary = await shop();
    expect(itemsOf(temporary.database)).toEqual([]);
    expect(checkpointsOf(temporary.database)).toMatchObject({ by: 'sqlite', frames: undefined, last: undefined });
    await temporary.service.close();
    expect(threads.started).toEqual([]);
  });
});

describe('a database that is written', () => {
  it('has a thread from about a second after the first write on, one for all databases of the service', async () => {
    using threads = checkpointThreads();
    await using temporary = await shop();
    await saveMany(temporary.database);
    expect(threads.started).toEqual([]);
    await taken(temporary.database);
    await saveMany(temporary.database);
    expect(threads.started).toHaveLength(1);
  });

  it('has its log brought into the file while it is being written, from a thousand frames on', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await taken(database);
    for (let n = 0; n < 5; n++) await saveMany(database);
    // Nobody has been idle for a second: each time a little is written.
    await expect
      .poll(async () => {
        await database.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', `more ${names++}`));
        return checkpointsOf(database).counters.passive;
      }, PATIENT)
      .toBeGreaterThan(0);
    expect(checkpointsOf(database).backfilledFrames).toBeGreaterThan(1_000);
    expect(checkpointsOf(database).last).toMatchObject({ mode: 'passive' });
  });

  it('has the rest brought there when nobody has written for a second', async () => {
    await using temporary = await shop();
    const { database, path } = temporary;
    await taken(database);
    await saveMany(database);
    expect(logBytes(path)).toBeGreaterThan(0);
    await expect
      .poll(() => [checkpointsOf(database).counters.passive > 0, backlogOf(database)], PATIENT)
      .toEqual([true, 0]);
    expect(checkpointsOf(database)).toMatchObject({ pinned: undefined, failure: undefined });
  });

  it('is not looked at while nobody writes, and is again when somebody does', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await taken(database);
    // Who sleeps is not silent.
    await expect.poll(() => [checkpointsOf(database).silentMs, backlogOf(database)], PATIENT).toEqual([0, 0]);
    const { passive } = checkpointsOf(database).counters;
    await saveMany(database);
    await expect.poll(() => checkpointsOf(database).counters.passive, PATIENT).toBeGreaterThan(passive);
    await expect.poll(() => backlogOf(database), PATIENT).toBe(0);
  });

  it('has its log begun anew when it is long, so that the file does not grow', async () => {
    await using temporary = await shop();
    const { database, path } = temporary;
    await taken(database);
    let longest = 0;
    let writtenBytes = 0;
    await expect
      .poll(async () => {
        await saveMany(database);
        longest = Math.max(longest, logBytes(path));
        writtenBytes += MANY_FRAMES * 4_096;
        return checkpointsOf(database).counters.restart;
      }, PATIENT)
      .toBeGreaterThan(6);
    // A log that is never begun anew is as long as what was written.
    expect(longest).toBeLessThan(writtenBytes / 2);
  });

  it('gets statistics for the planner when nobody has written for a second', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await saveMany(database);
    const statistics = (): unknown =>
      database.readSync('statistics', (c) => {
        const table = c.get("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'");
        return table && c.get<{ n: number }>("SELECT count(*) AS n FROM sqlite_stat1 WHERE tbl = 'item'")?.n;
      });
    expect(statistics()).toBeUndefined();
    await expect.poll(statistics, PATIENT).toBe(1);
    // What that has written is brought into the file, too.
    await expect.poll(() => backlogOf(database), PATIENT).toBe(0);
  });
});

describe('a database that is closed', () => {
  it('leaves no log behind, and no thread', async () => {
    using threads = checkpointThreads();
    await using temporary = await shop();
    const { database, service, path } = temporary;
    await taken(database);
    for (let n = 0; n < 3; n++) await saveMany(database);
    const [thread] = threads.started;
    const ended = once(thread!, 'exit');
    await service.close();
    expect(statSync(`${path}-wal`, { throwIfNoEntry: false })).toBeUndefined();
    expect(statSync(`${path}-shm`, { throwIfNoEntry: false })).toBeUndefined();
    await ended;
  });

  it('does so in the second before its thread would have begun, too', async () => {
    using threads = checkpointThreads();
    await using temporary = await shop();
    await saveMany(temporary.database);
    await temporary.service.close();
    expect(statSync(`${temporary.path}-wal`, { throwIfNoEntry: false })).toBeUndefined();
    expect(threads.started).toEqual([]);
  });

  it('gets its statistics then, where there was never time for it', async () => {
    await using temporary = await shop();
    const { database, service, path } = temporary;
    await taken(database);
    await saveMany(database);
    await service.close();
    const { openReader } = await import('../../dist/sqlite/open.js');
    const reader = openReader(path, 0);
    expect(reader.prepare("SELECT tbl FROM sqlite_stat1 WHERE tbl = 'item'").pluck().get()).toBe('item');
    reader.close();
  });
});

describe('a thread that dies', () => {
  it('is started again; meanwhile SQLite sees to the log, and health says so', async () => {
    using threads = checkpointThreads();
    const logger = recordingLogger();
    await using temporary = await shop({ logger });
    const { database, service, path } = temporary;
    await taken(database);
    await threads.kill();
    await expect.poll(() => checkpointsOf(database).by, PATIENT).toBe('sqlite');
    expect(service.verdict().reasons).toMatchObject([
      { code: 'checkpoints', status: 'warn', evidence: expect.stringContaining('the thread has ended') as string },
    ]);
    expect(logger.said('warn')).toContain('checkpoints: the thread has ended; SQLite checkpoints by itself meanwhile');
    for (let n = 0; n < 15; n++) await saveMany(database);
    // Three thousand frames and more were written since; SQLite begins anew after a thousand.
    expect(logBytes(path)).toBeLessThan(2_000 * 4_120);
    await expect.poll(() => checkpointsOf(database).by, PATIENT).toBe('thread');
    expect(threads.started).toHaveLength(2);
    expect(service.verdict().reasons).toEqual([]);
    await saveMany(database);
    await expect.poll(() => backlogOf(database), PATIENT).toBe(0);
  });

  it('does not keep its database from being closed', async () => {
    using threads = checkpointThreads();
    await using temporary = await shop();
    await taken(temporary.database);
    const killed = threads.kill();
    await temporary.service.close();
    await killed;
    expect(statSync(`${temporary.path}-wal`, { throwIfNoEntry: false })).toBeUndefined();
  });
});
