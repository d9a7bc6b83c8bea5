import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { WhyDocument } from '../dist/documents/why.js';
import { run } from './support/command-line.ts';
import { startShop, startWriter } from './support/program.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { contract, misfits } from './support/schema.ts';
import { databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** A busy machine is no reason to fail. */
const LONG = { timeout: 20_000, interval: 50 };

async function why(directory: string, database: string): Promise<WhyDocument> {
  const { code, out, err } = await run(['why', '--json', '--runtime-dir', directory, database]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const document = JSON.parse(out) as WhyDocument;
  expect(misfits(document, contract('why'))).toEqual([]);
  return document;
}

/** A program that holds the write lock of a file of this name. */
async function startWriterOf(name: string): Promise<AsyncDisposable & { readonly path: string; readonly pid: number }> {
  const directory = temporaryDirectory();
  const path = join(directory.path, name);
  const writer = await startWriter(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)', 'BEGIN IMMEDIATE');
  return {
    path,
    pid: writer.pid,
    [Symbol.asyncDispose]: async () => {
      await writer.kill();
      directory[Symbol.dispose]();
    },
  };
}

describe('hive-db why', () => {
  it('says that nobody waits', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    expect(await why(shop.runtimeDirectory, 'orders')).toMatchObject({
      database: 'orders',
      path: join(directory.path, 'orders.db'),
      verdict: 'none',
      culprits: [],
      next: null,
    });
    const { out } = await run(['why', '--runtime-dir', shop.runtimeDirectory, 'orders']);
    expect(out).toBe('orders: nobody waits\n');
  });

  it('names the process of ours that others wait for, with its label and call site, and who waits', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await using other = await startShop(directory.path);
    await shop.tell('lock');
    await shop.tell('ask');
    await other.tell('ask');
    await other.tell('ask');
    const document = await why(shop.runtimeDirectory, 'orders');
    expect(document).toMatchObject({
      verdict: 'write-lock',
      culprits: [
        {
          pid: shop.pid,
          app: 'shop',
          label: 'move stock',
          observed_seconds: 0,
          call_site: expect.stringContaining('service.mjs') as string,
        },
      ],
      next: `hive-db --runtime-dir ${shop.runtimeDirectory} locks orders`,
    });
    expect(document.sentence).toMatch(
      new RegExp(
        `^3 writes wait for up to .+ because shop \\(pid ${shop.pid}\\) holds the write lock by "move stock" for .+service\\.mjs.+; longest "add stock" of shop \\(pid ${other.pid}\\)$`,
      ),
    );
  });

  it('joins the lock with the main thread of its holder', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await using other = await startShop(directory.path);
    await shop.tell('lock');
    await other.tell('ask');
    await shop.tell('count');
    await vi.waitFor(async () => {
      const { verdict, sentence } = await why(shop.runtimeDirectory, 'orders');
      expect(verdict).toBe('write-lock');
      expect(sentence).toMatch(/; its main thread has been stuck for .+ inside "count to a lot": WITH RECURSIVE/);
    }, LONG);
  });

  it('names any other program that is in the way', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await using writer = await startWriter(join(directory.path, 'orders.db'), 'BEGIN IMMEDIATE');
    await shop.tell('ask');
    const { verdict, sentence, culprits, next } = await why(shop.runtimeDirectory, join(directory.path, 'orders.db'));
    expect({ verdict, culprits, next }).toMatchObject({
      verdict: 'write-lock',
      culprits: [{ pid: writer.pid, app: null, observed_seconds: 0.05 }],
      // What it is doing there it does not tell, but the system knows since when it runs.
      next: `ps -o pid,stat,etime,args -p ${writer.pid}`,
    });
    expect(sentence).toMatch(
      /^1 write waits for up to .+ because node writer\.mjs .+ holds the write lock; longest "add stock" of shop /,
    );
  });

  it.each(['WAL', 'DELETE'])('does not say that nobody waits for a lock of another program (%s)', async (mode) => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(
      path,
      `PRAGMA journal_mode = ${mode}`,
      'CREATE TABLE t (a)',
      'BEGIN IMMEDIATE',
      'INSERT INTO t VALUES (1)',
    );
    const { verdict, sentence, culprits, next } = await why(directory.path, path);
    expect({ verdict, culprits, next }).toMatchObject({
      verdict: 'held',
      culprits: [{ pid: writer.pid, app: null, label: null, observed_seconds: 0.05 }],
      next: `ps -o pid,stat,etime,args -p ${writer.pid}`,
    });
    expect(sentence).toMatch(
      /^no process of ours waits, but node writer\.mjs .+ has held the write lock for at least 50 ms; whether other programs wait for it cannot be seen$/,
    );
  });

  it('names who reads where a rollback journal makes a commit wait for that', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(
      path,
      'CREATE TABLE t (a)',
      'PRAGMA busy_timeout = 60000',
      'BEGIN IMMEDIATE',
    );
    await writer.tell('INSERT INTO t VALUES (1)');
    await using reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    writer.process.stdin?.write('COMMIT\n');
    await vi.waitFor(async () => {
      const { verdict, sentence, culprits, next } = await why(directory.path, path);
      expect({ verdict, culprits, next }).toMatchObject({
        verdict: 'readers',
        culprits: [{ pid: reader.pid, app: null }],
        next: `ps -o pid,stat,etime,args -p ${reader.pid}`,
      });
      expect(sentence).toMatch(
        new RegExp(
          `^node writer\\.mjs .+ \\(pid ${writer.pid}\\) waits to commit because node writer\\.mjs .+ \\(pid ${reader.pid}\\) reads, at least for 50 ms: .+ rollback-journal mode`,
        ),
      );
    }, LONG);
    const { out } = await run(['locks', path]);
    expect(out.replaceAll(/\s+/g, ' ')).toMatch(
      /writing node writer\.mjs .+; waits to commit until nobody reads reading/,
    );
    await reader.tell('COMMIT');
    expect(await writer.line()).toBe('COMMIT');
  });

  it('says that one of ours holds the lock for long, though nobody waits yet', async () => {
    await using files = await startWriterOf('orders.db');
    const lane = { running: 1, writer: { label: 'move stock', heldMs: 9_000, lockedMs: 8_000, changedMs: undefined } };
    const database = databaseSnapshot({ path: files.path, lane });
    await using place = await runtimeDirectory(serviceSnapshot({ pid: files.pid, databases: [database] }));
    const { verdict, sentence, next } = await why(place.path, 'orders');
    expect({ verdict, next }).toEqual({
      verdict: 'held',
      next: `hive-db --runtime-dir ${place.path} locks orders`,
    });
    expect(sentence).toMatch(/^nobody waits, but shop \(pid \d+\) holds the write lock by "move stock" for 9 s$/);
  });

  it('says what to type as a shell takes it', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'it’s mine.db');
    await using _ = await startWriter(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)');
    const database = databaseSnapshot({ path, pool: { leased: 1, waiting: 1, oldestWaitMs: 2_000 } });
    await using place = await runtimeDirectory(serviceSnapshot({ databases: [database], pid: 12 }));
    const env = { HIVE_RUNTIME_DIR: place.path };
    const { out } = await run(['why', path], { env });
    expect(out).toMatch(/\nnext: hive-db ps --database orders\n$/);
  });

  it('says that a process is stuck, where nobody waits for a lock', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('count');
    await vi.waitFor(async () => {
      expect(await why(shop.runtimeDirectory, 'stock')).toMatchObject({
        verdict: 'stuck',
        culprits: [{ pid: shop.pid, app: 'shop', label: 'count to a lot' }],
        next: `hive-db --runtime-dir ${shop.runtimeDirectory} ps --kind running`,
      });
    }, LONG);
  });

  it.each([
    ['a read', { waiting: 1, oldestWaitMs: 4_200 }, {}, '1 caller waits'],
    ['a write', {}, { waiting: 1, oldestWaitMs: 4_200 }, '1 caller waits'],
    ['both', { waiting: 2, oldestWaitMs: 1_000 }, { waiting: 1, oldestWaitMs: 4_200 }, '3 callers wait'],
  ])(
    'says that a database is suspended where that is what %s waits for, and how it goes on',
    async (_, pool, lane, who) => {
      using directory = temporaryDirectory();
      const path = join(directory.path, 'a.db');
      await using _writer = await startWriter(path, 'CREATE TABLE t (a TEXT)');
      const database = databaseSnapshot({ path, pool: { status: 'suspended', ...pool }, lane });
      await using place = await runtimeDirectory(serviceSnapshot({ databases: [database] }));
      expect(await why(place.path, path)).toMatchObject({
        verdict: 'suspended',
        sentence: `${who} in shop (pid 4711), the oldest for 4.2 s, because it is suspended there`,
        culprits: [],
        next: `hive-db --runtime-dir ${place.path} resume orders`,
      });
    },
  );

  it('names who has the connections that others wait for', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using _ = await startWriter(path, 'CREATE TABLE t (a TEXT)');
    const database = databaseSnapshot({
      path,
      pool: { leased: 2, waiting: 3, oldestWaitMs: 4_200 },
      leases: [
        {
          id: 1,
          resourceId: 1,
          owner: 'list',
          ageMs: 20,
          idleMs: 20,
          suspect: false,
          acquiredAt: undefined,
          allowedMs: undefined,
          use: 'read',
        },
        {
          id: 2,
          resourceId: 2,
          owner: 'export',
          ageMs: 90_000,
          idleMs: 90_000,
          suspect: true,
          acquiredAt: 'src/export.ts:12',
          allowedMs: undefined,
          use: 'read',
        },
      ],
    });
    await using place = await runtimeDirectory(serviceSnapshot({ databases: [database] }));
    const { verdict, sentence, culprits, next } = await why(place.path, path);
    expect({ verdict, next }).toEqual({
      verdict: 'connections',
      next: `hive-db --runtime-dir ${place.path} ps --database orders`,
    });
    expect(sentence).toBe(
      '3 callers wait in shop (pid 4711) for a connection, the oldest for 4.2 s, because 2 are in use, longest by "export" for 90 s, src/export.ts:12',
    );
    expect(culprits.map(({ label }) => label)).toEqual(['export', 'list']);
  });

  it('names who keeps the log from beginning again, before anybody waits', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a BLOB)');
    await using reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    await writer.tell('INSERT INTO t VALUES (zeroblob(5000000))');
    const { verdict, sentence, culprits, next } = await why(directory.path, path);
    expect({ verdict, culprits }).toMatchObject({ verdict: 'log', culprits: [{ pid: reader.pid }] });
    expect(next).toBe(`ps -o pid,stat,etime,args -p ${reader.pid}`);
    expect(sentence).toMatch(
      /^nobody waits, but node writer\.mjs .+ keeps \d+ frames in the log, which grows to [\d.]+ MiB/,
    );
  });

  it('names the reader of ours that keeps the log, and not a session that reads nothing', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('session');
    await shop.tell('pin');
    await using writer = await startWriter(join(directory.path, 'orders.db'), 'CREATE TABLE t (a BLOB)');
    await writer.tell('INSERT INTO t VALUES (zeroblob(5000000))');
    const { verdict, sentence, culprits, next } = await why(shop.runtimeDirectory, 'orders');
    expect({ verdict, next }).toEqual({
      verdict: 'log',
      next: `hive-db --runtime-dir ${shop.runtimeDirectory} wal orders`,
    });
    expect(culprits).toMatchObject([{ pid: shop.pid, label: 'list for ever' }]);
    expect(sentence).toMatch(/ reads in one transaction by "list for ever" for .+ and keeps \d+ frames in the log/);
  });

  it('asks which file is meant, where a name is that of two', async () => {
    const [first, second] = [
      databaseSnapshot({ path: '/srv/a/orders.db' }),
      databaseSnapshot({ path: '/srv/b/orders.db' }),
    ];
    await using place = await runtimeDirectory(
      serviceSnapshot({ databases: [first] }),
      serviceSnapshot({ pid: 12, databases: [second] }),
    );
    const { code, out, err } = await run(['why', '--runtime-dir', place.path, 'orders']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe('hive-db: orders is the name of 2 databases; give the path of one: hive-db locks shows them\n');
  });

  it('says in one sentence what is no database', async () => {
    using directory = temporaryDirectory();
    const { code, out, err } = await run(['why', '--runtime-dir', directory.path, 'nothing'], { cwd: directory.path });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe(
      `hive-db: ${directory.path}/nothing does not exist, and no process has a database of that name open\n`,
    );
  });

  it.each([
    ['why', 'oders'],
    ['locks', 'oders'],
    ['wal', 'oders'],
    ['backup', 'oders', 'copy.db'],
  ])('names the nearest database for a slip: %s', async (...argv) => {
    using directory = temporaryDirectory();
    await using place = await runtimeDirectory(
      serviceSnapshot({ databases: [databaseSnapshot({ name: 'orders', path: '/srv/orders.db' })] }),
    );
    const { code, err } = await run([...argv, '--runtime-dir', place.path], { cwd: directory.path });
    expect({ code, err: err.replace(directory.path, '<here>') }).toEqual({
      code: 2,
      err: 'hive-db: <here>/oders does not exist, and no process has a database of that name open; did you mean orders\n',
    });
  });
});
