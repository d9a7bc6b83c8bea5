import { statSync } from 'node:fs';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { ask, COUNT, SAVE, type ClerkOptions } from './support/clerk.ts';
import { closedShop, type ClosedShop } from './support/closed-shop.ts';
import { companionWith, type Companion } from './support/companion.ts';
import { failingCalls } from './support/failing-calls.ts';
import { NO_PRELOADED_LIBRARY } from './support/preloaded-library.ts';
import { SHOP } from './support/shop.ts';

const calls = failingCalls();
afterAll(() => calls?.[Symbol.dispose]());
beforeEach(({ skip }) => {
  skip(calls === undefined, NO_PRELOADED_LIBRARY);
});

const UNKNOWN_AFTER_SYNC = {
  code: 'HIVEDB_E_OUTCOME_UNKNOWN',
  message: expect.stringContaining('read back whether the rows are there') as string,
  cause: 'SQLITE_IOERR_FSYNC',
};
const FENCED = expect.objectContaining({ code: 'HIVEDB_E_FENCED' }) as unknown;
const TRANSACTION =
  "orders.transaction('save', (tx) => insert(tx, crypto.randomUUID())).then(({ changes }) => changes)";
/** More than a reader has in memory, and more than a log keeps before it is brought into the file: six megabytes. */
const SAVE_MUCH = "orders.write('save much', (tx) => insert(tx, crypto.randomUUID() + 'x'.repeat(6_000_000)).changes)";
/** More pages than the index of a new log has room for, most of them written at COMMIT: nine megabytes, and as many of an index. */
const SAVE_TOO_MUCH =
  "orders.write('save too much', (tx) => insert(tx, crypto.randomUUID() + 'x'.repeat(9_000_000)).changes)";
/** Each with a page of its own, and what became of each. */
const SAVE_TWENTY =
  "Promise.all(Array.from({ length: 20 }, () => orders.write('save', (tx) => insert(tx, crypto.randomUUID() + 'x'.repeat(5_000)).changes).catch(({ code }) => code)))";
const READ_LITTLE = "orders.read('count', (c) => c.get('SELECT count(*) AS n FROM item')).then(({ n }) => n)";
const READ_MUCH = "orders.read('all', (c) => c.all('SELECT * FROM item')).then(({ length }) => length)";

/** A closed shop, and a disk for its clerks that can be made to fail. Whoever is on it looks at the same disk. */
interface Premises extends ClosedShop {
  onThatDisk(options?: ClerkOptions): Promise<Companion>;
  /** A process that meets none of its failures. */
  elsewhere(): Promise<Companion>;
}

async function premises(): Promise<Premises> {
  const closed = await closedShop();
  return {
    ...closed,
    onThatDisk: (options = {}) => closed.clerk({ environment: calls!.environment, ...options }),
    elsewhere: () => closed.clerk(),
    [Symbol.asyncDispose]: async () => {
      calls!.mend();
      await closed[Symbol.asyncDispose]();
    },
  };
}

/** What a process finds that opens the file when all others have gone: how many items, and that it is sound and can be written. */
async function reopened(path: string): Promise<{ readonly items: unknown; readonly check: unknown }> {
  const databases = { orders: sqlite({ path, required: true }) };
  await using service = await openDatabaseService({ app: 'test', presence: false, databases });
  const orders = service.database('orders');
  const items = orders.readSync('count', (c) => c.get<{ n: number }>('SELECT count(*) AS n FROM item')?.n);
  await orders.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('after')"));
  return { items, check: orders.readSync('check', (c) => c.get('PRAGMA integrity_check')) };
}

/** Opens the shop with a table more; says what became of that. */
const MIGRATE = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const [path, first] = args;
  const migrations = [JSON.parse(first), { id: 2, name: 'shelves', sql: 'CREATE TABLE shelf (n INTEGER)' }];
  const databases = { orders: sqlite({ path, migrations, required: true }) };
  await openDatabaseService({ app: 'clerk', presence: false, databases })
    .then((service) => service.close())
    .then(() => say('{}'), ({ code, cause }) => say(JSON.stringify({ code, cause: cause?.code })));
  goDeaf();`;

/** A busy machine is no reason to fail. */
const PATIENT = { timeout: 10_000 };
const SOUND = { integrity_check: 'ok' };

describe('a sync of the log that fails', () => {
  it.for([
    ['a write', SAVE, 'EIO'],
    ['a transaction, on a disk that finds out late that it is full', TRANSACTION, 'ENOSPC'],
  ] as const)('at COMMIT leaves open what became of it, and is not tried again: %s', async ([, save, error]) => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    expect(await ask(writer, save)).toBe(1);
    calls!.fail({ call: 'sync', suffix: '-wal', error });
    expect(await ask(writer, save)).toEqual(UNKNOWN_AFTER_SYNC);
    expect(calls!.failed).toBe(1);
  });

  it('is met also by who opens a file whose schema somebody else has just made, and may still be syncing', async () => {
    await using shop = await premises();
    calls!.fail({ call: 'sync', suffix: '-wal', error: 'EIO' });
    await using other = companionWith(
      calls!.environment,
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { shop: sqlite({ path: args[0], migrations: [JSON.parse(args[1])], required: true }) };
       await openDatabaseService({ app: 'test', presence: false, databases }).then(
         (service) => service.close().then(() => say('open')),
         ({ code }) => say(code),
       );
       goDeaf();`,
      shop.path,
      JSON.stringify(SHOP),
    );
    expect([await other.hear(), calls!.failed]).toEqual(['HIVEDB_E_OUTCOME_UNKNOWN', 1]);
  });

  it('stops the writes of all who have the file open, and no reads, until it was verified', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    const other = await shop.elsewhere();
    expect(await ask(writer, SAVE)).toBe(1);
    expect(await ask(other, SAVE)).toBe(1);
    calls!.fail({ call: 'sync', suffix: '-wal', error: 'EIO' });
    let acknowledged = 2;
    {
      using _ = shop.unverified();
      await ask(writer, SAVE);
      calls!.mend();
      for (const save of [SAVE, TRANSACTION]) expect(await ask(writer, save)).toEqual(FENCED);
      await expect
        .poll(async () => {
          const outcome = await ask(other, SAVE);
          if (outcome === 1) acknowledged++;
          return outcome;
        }, PATIENT)
        .toEqual(FENCED);
      expect(await ask(other, TRANSACTION)).toEqual(FENCED);
      // What the sync was for is there, whether it lasts or not: it was committed before.
      for (const clerk of [writer, other]) expect(await ask(clerk, COUNT)).toBe(acknowledged + 1);
    }
    // Verified by one of them, it is written by both, and nobody was started again.
    for (const clerk of [writer, other]) await expect.poll(() => ask(clerk, SAVE), PATIENT).toBe(1);
    expect(shop.fences()).toEqual([]);
    for (const clerk of [writer, other]) expect(await ask(clerk, 'service.verdict().status')).toBe('pass');
    const items = await ask(writer, COUNT);
    expect(items).toBe(acknowledged + 3);
    await writer.kill();
    await other.kill();
    expect(await reopened(shop.path)).toEqual({ items, check: SOUND });
  });

  it('keeps those out who open the file on the same disk, until a sync has been seen to work', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    expect(await ask(writer, SAVE)).toBe(1);
    calls!.fail({ call: 'sync', suffix: '-wal', error: 'EIO' });
    await ask(writer, SAVE);
    const late = await shop.onThatDisk();
    expect(await ask(late, SAVE)).toMatchObject({
      code: 'HIVEDB_E_FENCED',
      message: expect.stringContaining('SQLITE_IOERR_FSYNC') as string,
    });
    expect(shop.fences()).toHaveLength(1);
    calls!.mend();
    await expect.poll(() => ask(late, SAVE), PATIENT).toBe(1);
    expect(shop.fences()).toEqual([]);
    await expect.poll(() => ask(writer, SAVE), PATIENT).toBe(1);
    // The write of which nobody knew may be there.
    expect([3, 4]).toContain(await ask(writer, COUNT));
  });

  it('is not taken for over by the process that met it while its disk still fails', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    expect(await ask(writer, SAVE)).toBe(1);
    calls!.fail({ call: 'sync', suffix: '-wal', error: 'EIO' });
    await ask(writer, SAVE);
    await expect
      .poll(() => ask(writer, 'service.snapshot().databases[0].repair'), PATIENT)
      .toMatchObject({ attempts: 2, damaged: false, found: expect.stringContaining('SQLITE_IOERR_FSYNC') as string });
    expect(await ask(writer, SAVE)).toEqual(FENCED);
    expect(await ask(writer, 'service.verdict().reasons')).toMatchObject([
      {
        code: 'fenced',
        evidence: expect.stringMatching(
          /refused for .*OUTCOME_UNKNOWN.*verified \d times? in vain, .*SQLITE_IOERR_FSYNC/,
        ) as string,
      },
    ]);
    expect([1, 2]).toContain(await ask(writer, READ_LITTLE));
    calls!.mend();
    await expect.poll(() => ask(writer, SAVE), PATIENT).toBe(1);
    expect(await ask(writer, 'service.verdict().status')).toBe('pass');
  });

  it('is repaired by another process when the one that met it is killed', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    const other = await shop.elsewhere();
    expect(await ask(writer, SAVE)).toBe(1);
    expect(await ask(other, SAVE)).toBe(1);
    calls!.fail({ call: 'sync', suffix: '-wal', error: 'EIO' });
    await ask(writer, SAVE);
    // It verifies the file, or is about to.
    await expect.poll(() => ask(other, SAVE), PATIENT).toEqual(FENCED);
    await writer.kill();
    await expect.poll(() => ask(other, SAVE), PATIENT).toBe(1);
    expect(shop.fences()).toEqual([]);
  });

  it('ends what holds connections from before it, and lends others', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    expect(await ask(writer, SAVE)).toBe(1);
    await ask(writer, "orders.session('report').then((session) => { globalThis.report = session; })");
    calls!.fail({ call: 'sync', suffix: '-wal', error: 'EIO' });
    await ask(writer, SAVE);
    const look = "report.connection.all('SELECT * FROM item').then(({ length }) => length)";
    await expect.poll(() => ask(writer, look), PATIENT).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    for (const read of [READ_LITTLE, COUNT]) expect([1, 2]).toContain(await ask(writer, read));
    calls!.mend();
    await expect.poll(() => ask(writer, SAVE), PATIENT).toBe(1);
  });

  it.for<readonly [string, (writer: Companion) => Promise<unknown>]>([
    ['has ended', (writer) => writer.end()],
    ['was killed', (writer) => writer.kill()],
  ])('loses nothing that was acknowledged; the file is verified and written when the process %s', async ([, leave]) => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    for (let n = 0; n < 3; n++) expect(await ask(writer, SAVE)).toBe(1);
    calls!.fail({ call: 'sync', suffix: '-wal', error: 'EIO' });
    await ask(writer, SAVE);
    await leave(writer);
    const next = await shop.elsewhere();
    expect(shop.fences()).toEqual([]);
    // What the disk may have lost of the log is in the file now: nothing is ever written behind it.
    expect(statSync(`${shop.path}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
    // The write of which nobody knows may be there.
    expect([3, 4]).toContain(await ask(next, COUNT));
    expect(await ask(next, SAVE)).toBe(1);
    await next.end();
    const { items, check } = await reopened(shop.path);
    expect([4, 5]).toContain(items);
    expect(check).toEqual(SOUND);
  });
});

describe('migrations', () => {
  it.for([
    ['cannot be written', { call: 'write', roomBytes: 5_000 }, 'SQLITE_IOERR_WRITE'],
    ['cannot be synced', { call: 'sync' }, 'SQLITE_IOERR_FSYNC'],
  ] as const)('whose log %s at COMMIT leave open what became of them', async ([, failing, cause]) => {
    await using shop = await premises();
    const migrated = async (): Promise<unknown> => {
      await using clerk = companionWith(calls!.environment, MIGRATE, shop.path, JSON.stringify(SHOP));
      return JSON.parse(await clerk.hear());
    };
    calls!.fail({ suffix: '-wal', error: 'EIO', ...failing });
    expect(await migrated()).toEqual({ code: 'HIVEDB_E_OUTCOME_UNKNOWN', cause });
    calls!.mend();
    // Whoever opens it again looks whether they are there.
    expect(await migrated()).toEqual({});
  });
});

describe('a sync of the database file that fails', () => {
  it('when the log is brought into it loses nothing, and the log is kept until it works', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    calls!.fail({ call: 'sync', suffix: '.db', error: 'EIO' });
    expect(await ask(writer, SAVE_MUCH)).toBe(1);
    expect(calls!.failed).toBeGreaterThan(0);
    expect(await ask(writer, SAVE)).toBe(1);
    const { code, stderr } = await writer.end();
    expect([code, stderr]).toEqual([0, '']);
    expect(statSync(`${shop.path}-wal`).size).toBeGreaterThan(6_000_000);
    expect(await reopened(shop.path)).toEqual({ items: 2, check: SOUND });
    expect(statSync(`${shop.path}-wal`, { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe('a write of the log', () => {
  it('that is cut short is gone on with', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    calls!.fail({ call: 'write', suffix: '-wal', error: 'cut short' });
    for (const save of [SAVE, TRANSACTION]) expect(await ask(writer, save)).toBe(1);
    expect(calls!.failed).toBeGreaterThan(2);
    await writer.kill();
    expect(await reopened(shop.path)).toEqual({ items: 2, check: SOUND });
  });

  it('for which there is no room is undone, wherever in it the disk is full, and the next one goes on', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    const other = await shop.elsewhere();
    expect(await ask(writer, SAVE)).toBe(1);
    // In the head of a frame, in its page, between two frames, in the last one.
    for (const roomBytes of [0, 10, 24, 2_000, 4_120, 6_000]) {
      calls!.fail({ call: 'write', suffix: '-wal', error: 'ENOSPC', roomBytes });
      for (const save of [SAVE, TRANSACTION])
        expect(await ask(writer, save)).toMatchObject({ code: 'HIVEDB_E_DISK_FULL', cause: 'SQLITE_FULL' });
      for (const clerk of [writer, other]) expect(await ask(clerk, COUNT)).toBe(1);
    }
    calls!.mend();
    expect(await ask(writer, SAVE)).toBe(1);
    expect(await ask(other, SAVE)).toBe(1);
    await writer.kill();
    await other.kill();
    expect(await reopened(shop.path)).toEqual({ items: 3, check: SOUND });
  });

  it('of several writes at once, for which there is no room, acknowledges those that are there and no others', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    expect(await ask(writer, SAVE)).toBe(1);
    let acknowledged = 1;
    for (const roomBytes of [0, 4_120, 6_000, 50_000]) {
      calls!.fail({ call: 'write', suffix: '-wal', error: 'ENOSPC', roomBytes });
      const outcomes = (await ask(writer, SAVE_TWENTY)) as readonly unknown[];
      acknowledged += outcomes.filter((outcome) => outcome === 1).length;
      expect(new Set(outcomes.filter((outcome) => outcome !== 1))).toEqual(new Set(['HIVEDB_E_DISK_FULL']));
      expect(await ask(writer, COUNT)).toBe(acknowledged);
    }
    calls!.mend();
    expect(await ask(writer, SAVE_TWENTY)).toEqual(Array.from({ length: 20 }, () => 1));
    expect(await ask(writer, 'service.verdict().status')).toBe('pass');
    await writer.kill();
    expect(await reopened(shop.path)).toEqual({ items: acknowledged + 20, check: SOUND });
  });

  it('that fails in the middle leaves open what became of it', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    // The second one has made room in the log: what is written next are rows.
    for (const save of [SAVE, SAVE]) expect(await ask(writer, save)).toBe(1);
    calls!.fail({ call: 'write', suffix: '-wal', error: 'EIO', roomBytes: 5_000 });
    expect(await ask(writer, SAVE)).toEqual({ ...UNKNOWN_AFTER_SYNC, cause: 'SQLITE_IOERR_WRITE' });
    expect(calls!.failed).toBe(1);
    expect(await ask(writer, SAVE)).toEqual(FENCED);
    calls!.mend();
    await writer.kill();
    const next = await shop.elsewhere();
    expect(await ask(next, COUNT)).toBe(2);
    expect(await ask(next, SAVE)).toBe(1);
  });
});

describe('an index of the log for which there is no room', () => {
  it('at COMMIT leaves open what became of it: who recovers the log finds all of it there', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    expect(await ask(writer, SAVE)).toBe(1);
    calls!.fail({ call: 'write', suffix: '-shm', error: 'ENOSPC' });
    const unknown = { ...UNKNOWN_AFTER_SYNC, cause: 'SQLITE_IOERR_SHMSIZE' };
    expect(await ask(writer, SAVE_TOO_MUCH)).toEqual(unknown);
    expect(calls!.failed).toBe(1);
    expect(await ask(writer, COUNT)).toBe(1);
    await writer.kill();
    expect(await reopened(shop.path)).toEqual({ items: 2, check: SOUND });
  });

  it('is verified until there is, and then it is written again', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    expect(await ask(writer, SAVE)).toBe(1);
    calls!.fail({ call: 'write', suffix: '-shm', error: 'ENOSPC' });
    {
      // Verifying closes its connections, and what is opened then has no room either.
      using _ = shop.unverified();
      await ask(writer, SAVE_TOO_MUCH);
      expect(await ask(writer, SAVE)).toEqual(FENCED);
      expect(await ask(writer, COUNT)).toBe(1);
    }
    calls!.mend();
    await expect.poll(() => ask(writer, SAVE), PATIENT).toBe(1);
    expect(await ask(writer, COUNT)).toBe(2);
    await writer.kill();
    // What has been forgotten once does not come back.
    expect(await reopened(shop.path)).toEqual({ items: 2, check: SOUND });
  });
});

describe('a file system that becomes read-only in the middle of a write', () => {
  it('acknowledges nothing that is not there, is read, and is written again when it takes writes', async () => {
    await using shop = await premises();
    const writer = await shop.onThatDisk();
    // The second one has made room in the log: what is written next are rows.
    for (const save of [SAVE, SAVE]) expect(await ask(writer, save)).toBe(1);
    calls!.fail({ call: 'write', suffix: '-wal', error: 'EROFS', roomBytes: 5_000 });
    expect(await ask(writer, SAVE)).toEqual({ ...UNKNOWN_AFTER_SYNC, cause: 'SQLITE_IOERR_WRITE' });
    for (const save of [SAVE, TRANSACTION]) expect(await ask(writer, save)).toEqual(FENCED);
    expect(await ask(writer, COUNT)).toBe(2);
    calls!.mend();
    await expect.poll(() => ask(writer, SAVE), PATIENT).toBe(1);
    expect(await ask(writer, 'service.verdict().status')).toBe('pass');
    // Half of it was written, so it cannot have been committed.
    expect(await ask(writer, COUNT)).toBe(3);
    await writer.kill();
    expect(await reopened(shop.path)).toEqual({ items: 3, check: SOUND });
  });
});

describe('a read of the database file that fails', () => {
  it('stops the writes of all who have it open; what can be read is read', async () => {
    await using shop = await premises();
    const first = await shop.elsewhere();
    expect(await ask(first, SAVE_MUCH)).toBe(1);
    await first.end();
    const reader = await shop.onThatDisk();
    const other = await shop.elsewhere();
    expect(await ask(reader, READ_LITTLE)).toBe(1);
    calls!.fail({ call: 'read', suffix: '.db', error: 'EIO' });
    {
      using _ = shop.unverified();
      expect(await ask(reader, READ_MUCH)).toMatchObject({ code: 'HIVEDB_E_CORRUPT' });
      expect(await ask(reader, SAVE)).toEqual(FENCED);
      await expect.poll(() => ask(other, SAVE), PATIENT).toEqual(FENCED);
      expect(await ask(other, READ_MUCH)).toBe(await ask(other, COUNT));
      await other.end();
    }
    // It cannot be verified on a disk that does not read.
    const late = await shop.onThatDisk();
    expect(await ask(late, SAVE)).toMatchObject({
      code: 'HIVEDB_E_FENCED',
      message: expect.stringContaining('SQLITE_IOERR_CORRUPTFS') as string,
    });
    expect(shop.fences()).toHaveLength(1);
    expect(await ask(reader, SAVE)).toEqual(FENCED);
    calls!.mend();
    for (const clerk of [reader, late]) {
      await expect.poll(() => ask(clerk, SAVE), PATIENT).toBe(1);
      expect(await ask(clerk, READ_MUCH)).toBe(await ask(clerk, COUNT));
    }
    for (const clerk of [reader, late]) await clerk.end();
    expect((await reopened(shop.path)).check).toEqual(SOUND);
  });
});
