import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
// By itself: nobody waits four hours, nor a minute.
import { Board } from '../../dist/checkpoints/board.js';
import { LogKeeper } from '../../dist/checkpoints/log-keeper.js';
import type { SqliteHandle } from '../../dist/sqlite/engine.js';
import { createDatabase, openWriter } from '../../dist/sqlite/open.js';
import { identityOf } from '../../dist/sqlite/path.js';

const MINUTE = 60_000;

/** A log that is kept on a clock that stands still, and who writes. */
interface Kept extends AsyncDisposable {
  readonly writer: SqliteHandle;
  /** So much time passes, in which somebody commits every half a second. */
  writeFor(ms: number): Promise<void>;
  /** The rows that the planner was told the table has. */
  analysedRows(): number | undefined;
}

function kept(): Kept {
  const stack = new AsyncDisposableStack();
  const path = stack.use(temporaryDirectory()).file('test.db');
  createDatabase(path, systemClock);
  const writer = openWriter('test', path, 'normal');
  stack.defer(() => {
    writer.close();
  });
  writer.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX by_name ON item (name)');
  writer.exec(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO item SELECT i, 'x' || i FROM n",
  );
  const clock = new VirtualClock();
  const board = new Board();
  const { device, inode } = identityOf(path)!;
  const order = { id: 1, database: 'test', path, device, inode, durability: 'normal', memory: board.memory } as const;
  const keeper = new LogKeeper(order, { clock, random: () => 0.5, tell: () => undefined });
  board.wake();
  const ended = keeper.keep();
  stack.defer(async () => {
    keeper.leave(false);
    await ended;
  });
  return {
    writer,
    writeFor: async (ms) => {
      for (let passed = 0; passed < ms; passed += 500) {
        if (board.commit()) board.wake();
        await turn();
        await clock.advance(500);
      }
    },
    analysedRows: () => {
      if (writer.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").get() === undefined)
        return undefined;
      const stat = writer.prepare("SELECT stat FROM sqlite_stat1 WHERE tbl = 'item'").pluck().get();
      return typeof stat === 'string' ? Number.parseInt(stat, 10) : undefined;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

describe('a database that is always written', () => {
  it('gets statistics for the planner after a minute', async () => {
    await using log = kept();
    await log.writeFor(MINUTE - 1_000);
    expect(log.analysedRows()).toBeUndefined();
    await log.writeFor(2_000);
    expect(log.analysedRows()).toBe(100);
  });

  it('gets them at the first moment at which nobody has the lock', async () => {
    await using log = kept();
    log.writer.exec('BEGIN IMMEDIATE');
    await log.writeFor(MINUTE + 1_000);
    log.writer.exec('COMMIT');
    expect(log.analysedRows()).toBeUndefined();
    await log.writeFor(1_000);
    expect(log.analysedRows()).toBe(100);
  });
});
