import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { keptLog, type KeptLog } from '../support/kept-log.ts';

/** A log of which nothing is brought into the file but by its keeper. */
function longLog(): KeptLog {
  const log = keptLog('CREATE TABLE item (content BLOB)');
  log.writer.pragma('wal_autocheckpoint = 0');
  return log;
}

/** Somebody writes so many frames, and a little more; then the log is looked at. */
async function write(log: KeptLog, frames: number): Promise<void> {
  log.writer.prepare('INSERT INTO item VALUES (zeroblob(?))').run(frames * 4_092);
  if (log.board.commit()) log.board.wake();
  log.begin();
  await turn();
  await log.clock.advance(0);
}

/** What was done so far. */
function done({ board }: KeptLog): { readonly passive: number; readonly restart: number; readonly left: number } {
  const { passive, restart, frames, backfilled } = board.seen();
  return { passive, restart, left: frames - backfilled };
}

describe('a log that is too long', () => {
  it('is begun anew without asking anybody, as long as it is not far too long', async () => {
    await using log = longLog();
    await write(log, 5_900);
    expect(log.asked).toEqual([]);
    expect(done(log)).toEqual({ passive: 1, restart: 1, left: 0 });
  });

  it.each([
    ['at the first try, when others may have been in the way of each other for a while', 6_100, 1, 0],
    [
      'before anything is brought into the file, when a slow disk would take longer than there is room for',
      8_100,
      0,
      8_104,
    ],
  ])('has writers asked to wait %s', async (_, frames, passive, left) => {
    await using log = longLog();
    await write(log, frames);
    expect(log.asked).toEqual(['pause']);
    expect(done(log)).toEqual({ passive, restart: 0, left });
    log.keeper.paused(true);
    await turn();
    expect(log.asked).toEqual(['pause', 'resume']);
    expect(done(log)).toEqual({ passive, restart: 1, left: 0 });
  });
});
