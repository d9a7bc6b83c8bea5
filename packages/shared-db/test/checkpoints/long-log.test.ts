import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
// By itself: which log is how long at which look cannot be brought about exactly with processes that write.
import { Board } from '../../dist/checkpoints/board.js';
import { LogKeeper } from '../../dist/checkpoints/log-keeper.js';
import { createDatabase, openWriter } from '../../dist/sqlite/open.js';
import { identityOf } from '../../dist/sqlite/path.js';

/** A log that is kept on a clock that stands still. */
interface Kept extends AsyncDisposable {
  /** What was asked of the writers, in order. */
  readonly asked: readonly string[];
  /** Somebody writes so many frames, and a little more. */
  write(frames: number): void;
  /** The log is looked at as many times as that takes. */
  pass(ms: number): Promise<void>;
  /** The writers wait. */
  pause(): Promise<void>;
  /** What was done so far. */
  done(): { readonly passive: number; readonly restart: number; readonly left: number };
}

function kept(): Kept {
  const stack = new AsyncDisposableStack();
  const path = stack.use(temporaryDirectory()).file('test.db');
  createDatabase(path, systemClock);
  const writer = openWriter('test', path, 'normal');
  stack.defer(() => {
    writer.close();
  });
  writer.pragma('wal_autocheckpoint = 0');
  writer.exec('CREATE TABLE item (content BLOB)');
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
    asked,
    write: (frames) => {
      writer.prepare('INSERT INTO item VALUES (zeroblob(?))').run(frames * 4_092);
      if (board.commit()) board.wake();
    },
    pass: async (ms) => {
      ended ??= keeper.keep();
      await turn();
      await clock.advance(ms);
    },
    pause: async () => {
      keeper.paused(true);
      await turn();
    },
    done: () => {
      const { passive, restart, frames, backfilled } = board.seen();
      return { passive, restart, left: frames - backfilled };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

describe('a log that is too long', () => {
  it('is begun anew without asking anybody, as long as it is not far too long', async () => {
    await using log = kept();
    log.write(5_900);
    await log.pass(0);
    expect(log.asked).toEqual([]);
    expect(log.done()).toEqual({ passive: 1, restart: 1, left: 0 });
  });

  it('has writers asked to wait at the first try, when others may have been in the way of each other for a while', async () => {
    await using log = kept();
    log.write(6_100);
    await log.pass(0);
    expect(log.asked).toEqual(['pause']);
    expect(log.done()).toEqual({ passive: 1, restart: 0, left: 0 });
    await log.pause();
    expect(log.asked).toEqual(['pause', 'resume']);
    expect(log.done()).toEqual({ passive: 1, restart: 1, left: 0 });
  });

  it('has them asked before anything is brought into the file, when a slow disk would take longer than there is room for', async () => {
    await using log = kept();
    log.write(8_100);
    await log.pass(0);
    expect(log.asked).toEqual(['pause']);
    expect(log.done()).toEqual({ passive: 0, restart: 0, left: 8_104 });
    await log.pause();
    expect(log.asked).toEqual(['pause', 'resume']);
    expect(log.done()).toEqual({ passive: 0, restart: 1, left: 0 });
  });
});
