import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  openDatabaseService,
  sqlite,
  type DatabaseDefinition,
  type DatabaseService,
  type SqliteDatabase,
} from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { rejectionOf } from './support/outcome.ts';
import { recordingLogger, type RecordingLogger } from './support/recording-logger.ts';
import { SHOP, shop } from './support/shop.ts';

/** A busy machine is no reason to fail. */
const PATIENT = { timeout: 20_000 };
const ADD = 'INSERT INTO item (name) VALUES (?)';

type Shop = DatabaseService<{ readonly orders: DatabaseDefinition<SqliteDatabase> }>;

function openShop(path: string, runtimeDirectory: string, logger: RecordingLogger): Promise<Shop> {
  const databases = { orders: sqlite({ path, durability: 'full', migrations: [SHOP] }) };
  return openDatabaseService({ app: 'test', runtimeDirectory, databases, logger });
}

/** A closed shop with two thousand items, on some sixty pages. */
async function fullShop(path: string): Promise<void> {
  await using made = await shop();
  await made.database.write('fill', (tx) => {
    for (let n = 0; n < 2_000; n++) tx.run(ADD, `item ${n} ${'-'.repeat(80)}`);
  });
  await made.service.close();
  copyFileSync(made.path, path);
}

/** Writes over a part of a file from another process: in this one it would drop the locks of SQLite. */
function overwrite(path: string, from: string, ...where: readonly string[]): void {
  execFileSync('dd', [`if=${from}`, `of=${path}`, 'bs=4096', 'conv=notrunc', ...where], { stdio: 'ignore' });
}

const save = (orders: SqliteDatabase): Promise<unknown> =>
  orders.write('save', (tx) => tx.run(ADD, crypto.randomUUID()).changes).catch(({ code }: { code: string }) => code);

const count = (orders: SqliteDatabase): unknown =>
  orders.readSync('count', (c) => c.get<{ n: number }>('SELECT count(*) AS n FROM item')?.n);

describe('a file that is damaged and has been repaired where it lies', () => {
  it('is verified and written again, without a process being started again, and both are said once', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await fullShop(path);
    copyFileSync(path, directory.file('sound.db'));
    overwrite(path, '/dev/urandom', 'seek=20', 'count=30');
    const logger = recordingLogger();
    await using service = await openShop(path, directory.file('run'), logger);
    const orders = service.database('orders');
    expect(await rejectionOf(orders.read('all', (c) => c.all('SELECT * FROM item')))).toMatchObject({
      code: 'HIVEDB_E_CORRUPT',
    });
    expect(await save(orders)).toBe('HIVEDB_E_FENCED');
    await expect.poll(() => orders.snapshot().repair?.damaged, PATIENT).toBe(true);
    expect(service.verdict().reasons).toMatchObject([
      {
        code: 'fenced',
        evidence: expect.stringMatching(
          /^writes are refused for .*: HIVEDB_E_CORRUPT: .*; verified 1 time in vain, the next time in \d+.* s; the last time: /,
        ) as string,
        advice: expect.stringContaining('hive-db restore') as string,
      },
    ]);
    // The file as such is left alone, and so is whoever still reads.
    expect(orders.readSync('parts', (c) => c.all('SELECT * FROM part'))).toEqual([]);
    overwrite(path, directory.file('sound.db'));
    await expect.poll(() => save(orders), PATIENT).toBe(1);
    expect(service.verdict()).toMatchObject({ status: 'pass', reasons: [] });
    expect(orders.snapshot()).toMatchObject({ status: 'open', repair: undefined });
    expect(await orders.read('all', (c) => c.all('SELECT * FROM item'))).toHaveLength(2_001);
    const { lines } = logger;
    const about = (text: string): number => lines.filter(({ message }) => message.startsWith(text)).length;
    expect([about('writes are stopped'), about('writes stay stopped'), about('writes go on')]).toEqual([1, 1, 1]);
  });
});

describe('a file that was moved away', () => {
  it('is written again when it is back, with everything that was acknowledged', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const logger = recordingLogger();
    await using service = await openShop(path, directory.file('run'), logger);
    const orders = service.database('orders');
    expect(await save(orders)).toBe(1);
    expect(count(orders)).toBe(1);
    renameSync(path, directory.file('away.db'));
    expect(await save(orders)).toBe('HIVEDB_E_FILE_REPLACED');
    await expect.poll(() => orders.snapshot().repair?.phase, PATIENT).toBe('displaced');
    expect(await save(orders)).toBe('HIVEDB_E_FENCED');
    expect(service.verdict().reasons).toMatchObject([
      {
        evidence: expect.stringContaining('left alone') as string,
        advice: expect.stringContaining('put the file back') as string,
      },
    ]);
    expect(existsSync(path)).toBe(false);
    expect(count(orders)).toBe(2);
    renameSync(directory.file('away.db'), path);
    await expect.poll(() => save(orders), PATIENT).toBe(1);
    expect(service.verdict().status).toBe('pass');
    // The one that noticed was committed to the file that is back; nobody was told that it was.
    expect(count(orders)).toBe(3);
  });

  it('is not exchanged for one that was put in its place', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const logger = recordingLogger();
    await using service = await openShop(path, directory.file('run'), logger);
    const orders = service.database('orders');
    expect(await save(orders)).toBe(1);
    expect(count(orders)).toBe(1);
    await fullShop(directory.file('other.db'));
    renameSync(path, directory.file('away.db'));
    renameSync(directory.file('other.db'), path);
    expect(await save(orders)).toBe('HIVEDB_E_FILE_REPLACED');
    await expect.poll(() => orders.snapshot().repair?.phase, PATIENT).toBe('displaced');
    // Several looks later nothing has changed: what is read is what was opened, and nobody verifies anything.
    const { sinceMs } = orders.snapshot().repair!;
    await expect.poll(() => (orders.snapshot().repair?.sinceMs ?? 0) - sinceMs, PATIENT).toBeGreaterThan(1_500);
    expect(orders.snapshot().repair).toMatchObject({ attempts: 0, phase: 'displaced' });
    expect(count(orders)).toBe(2);
    expect(await save(orders)).toBe('HIVEDB_E_FENCED');
  });
});
