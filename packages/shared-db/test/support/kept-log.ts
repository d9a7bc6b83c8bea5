import { systemClock } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
// By itself, on a clock that stands still: what is looked at when cannot be brought about with processes that write.
import { Board } from '../../dist/checkpoints/board.js';
import { LogKeeper } from '../../dist/checkpoints/log-keeper.js';
import type { SqliteHandle } from '../../dist/sqlite/engine.js';
import { createDatabase, openWriter } from '../../dist/sqlite/open.js';
import { identityOf } from '../../dist/sqlite/path.js';

/** A log, who writes to it, and who keeps it short. */
export interface KeptLog extends AsyncDisposable {
  readonly writer: SqliteHandle;
  readonly clock: VirtualClock;
  readonly board: Board;
  readonly keeper: LogKeeper;
  /** What was asked of the writers, in order. */
  readonly asked: readonly string[];
  /** The keeper begins, unless it has. */
  begin(): void;
}

/** Makes one in a database with these tables. */
export function keptLog(...schema: readonly string[]): KeptLog {
  const stack = new AsyncDisposableStack();
  const path = stack.use(temporaryDirectory()).file('test.db');
  createDatabase(path, systemClock);
  const writer = openWriter('test', path, 'normal');
  stack.defer(() => {
    writer.close();
  });
  for (const sql of schema) writer.exec(sql);
  const clock = new VirtualClock();
  const board = new Board();
  const { device, inode } = identityOf(path)!;
  const order = { id: 1, database: 'test', path, device, inode, durability: 'normal', memory: board.memory } as const;
  const asked: string[] = [];
  const keeper = new LogKeeper(order, {
    clock,
    random: () => 0.5,
    tell: ({ kind }) => {
      if (kind === 'pause' || kind === 'resume') asked.push(kind);
    },
  });
  let ended: Promise<void> | undefined;
  stack.defer(async () => {
    keeper.leave(false);
    await ended;
  });
  return {
    writer,
    clock,
    board,
    keeper,
    asked,
    begin: () => {
      ended ??= keeper.keep();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
