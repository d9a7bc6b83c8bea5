import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, COUNT, SAVE } from '../support/clerk.ts';
import { closedShop } from '../support/closed-shop.ts';
import { failingCalls } from '../support/failing-calls.ts';
import { NO_PRELOADED_LIBRARY } from '../support/preloaded-library.ts';

const calls = failingCalls();
afterAll(() => calls?.[Symbol.dispose]());
beforeEach(({ skip }) => {
  skip(calls === undefined, NO_PRELOADED_LIBRARY);
  calls?.mend();
});

const PATIENT = { timeout: 20_000, interval: 50 };
const BY = 'service.snapshot().databases[0].checkpoints.by';
const REASONS = 'service.verdict().reasons.map(({ code, evidence }) => ({ code, evidence }))';
const FENCED = expect.objectContaining({ code: 'HIVEDB_E_FENCED' }) as unknown;

describe('a checkpoint that fails', () => {
  it('because the disk does not sync the file stops the writes of all who have it open; nothing is lost', async () => {
    await using closed = await closedShop();
    const writer = await closed.clerk({ durability: 'normal', environment: calls!.environment });
    const other = await closed.clerk({ durability: 'normal' });
    for (let n = 0; n < 3; n++) expect(await ask(writer, SAVE)).toBe(1);
    await expect.poll(() => ask(writer, BY), PATIENT).toBe('thread');
    calls!.fail({ call: 'sync', suffix: '.db', error: 'EIO' });
    // The commit is the log's: it is acknowledged. What brings it into the file fails a second later.
    expect(await ask(writer, SAVE)).toBe(1);
    await expect.poll(() => ask(writer, 'service.snapshot().databases[0].status'), PATIENT).toBe('fenced');
    expect(await ask(writer, REASONS)).toMatchObject([
      { code: 'fenced', evidence: expect.stringContaining('SQLITE_IOERR_FSYNC') as string },
    ]);
    expect(await ask(writer, SAVE)).toEqual(FENCED);
    expect(closed.fences()).toHaveLength(1);
    await expect.poll(() => ask(other, SAVE), PATIENT).toEqual(FENCED);
    const failed = calls!.failed;
    for (const clerk of [writer, other]) expect(await ask(clerk, COUNT)).toBe(await ask(other, COUNT));
    // Nobody tries it again, and SQLite does not at COMMIT, because there is none.
    await expect.poll(() => ask(writer, BY), PATIENT).toBe('sqlite');
    expect(calls!.failed).toBe(failed);
  });

  it('because the disk is full is told and tried again; writes go on', async () => {
    await using closed = await closedShop();
    const writer = await closed.clerk({ durability: 'normal', environment: calls!.environment });
    expect(await ask(writer, SAVE)).toBe(1);
    await expect.poll(() => ask(writer, BY), PATIENT).toBe('thread');
    calls!.fail({ call: 'write', suffix: '.db', error: 'ENOSPC' });
    expect(await ask(writer, SAVE)).toBe(1);
    await expect
      .poll(() => ask(writer, REASONS), PATIENT)
      .toMatchObject([{ code: 'checkpoints', evidence: expect.stringContaining('HIVEDB_E_DISK_FULL') as string }]);
    expect(await ask(writer, SAVE)).toBe(1);
    calls!.mend();
    await expect.poll(() => ask(writer, REASONS), PATIENT).toEqual([]);
    expect(await ask(writer, COUNT)).toBe(3);
    const { code, stderr } = await writer.end();
    expect([code, stderr]).toEqual([0, '']);
  });
});
