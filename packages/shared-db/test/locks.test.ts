import { once } from 'node:events';
import { linkSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite, type DatabaseService } from '@hive/shared-db';
import { readLockTable, type FileLock } from '@hive/shared-db/health';
import { openDirect } from '@hive/shared-db/direct';
import { listProcesses, listRecordings } from '@hive/shared-db/presence';
import { temporaryDirectory, type TemporaryDatabase } from '@hive/shared-db/testing';
// By themselves, because a service verifies a file only before it opens it, and looks up holders only when others wait.
import { writeLockHolders } from '../dist/sqlite/lock-holder.js';
import { verifyFile } from '../dist/sqlite/verify-file.js';
import { companion } from './support/companion.ts';
import { healthServer } from './support/health-server.ts';
import { rejectionOf } from './support/outcome.ts';
import { itemsOf, shop } from './support/shop.ts';

/** Another program that tries to take the write lock whenever it is asked to, and says how that went. */
const RIVAL = `
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(args[0], { timeout: 0 });
  for (let line; (line = await hear()) !== undefined; )
    try {
      database.exec('BEGIN IMMEDIATE; ROLLBACK');
      say('free');
    } catch ({ errstr }) {
      say(errstr);
    }
`;

/** The locks of this process on a database, as the kernel has them. */
function locksOn(path: string): readonly FileLock[] {
  const inodes = [path, `${path}-shm`].map((file) => statSync(file).ino);
  return readLockTable()
    .filter(({ pid, inode }) => pid === process.pid && inodes.includes(inode))
    .toSorted((a, b) => a.inode - b.inode || a.start - b.start);
}

function secondServiceOn(path: string): Promise<DatabaseService> {
  const databases = { again: sqlite({ path, required: true }) };
  return openDatabaseService({ app: 'second', presence: false, databases });
}

/** Everything that this package can do with a file that it has open, beside using it. */
const DEEDS: readonly (readonly [what: string, deed: (temporary: TemporaryDatabase, directory: string) => unknown])[] =
  [
    ['a snapshot and a verdict', ({ service }) => [service.snapshot(), service.verdict()]],
    [
      'the health routes',
      async ({ service }) => {
        await using server = await healthServer({ snapshot: () => service.snapshot() });
        for (const path of ['/livez', '/readyz', '/startupz', '/health/database', '/health/database/test', '/metrics'])
          expect((await server.ask(path)).status).toBeLessThan(500);
      },
    ],
    [
      'being asked by another process',
      async (_, directory) => {
        expect(await listProcesses({ directory })).toMatchObject([{ pid: process.pid, state: 'answered' }]);
      },
    ],
    [
      'being asked for its recording',
      async (_, directory) => {
        expect(await listRecordings({ directory })).toMatchObject([{ pid: process.pid, state: 'answered' }]);
      },
    ],
    [
      'another service of the process, with a port of its own, that comes and goes',
      async (_, directory) => {
        const databases = { other: sqlite({ path: `${directory}/other.db`, required: true }) };
        await using other = await openDatabaseService({
          app: 'other',
          runtimeDirectory: directory,
          http: { port: 0 },
          databases,
        });
        const { host, port } = other.snapshot().http!;
        for (const route of ['livez', 'readyz', 'startupz', 'health/database', 'metrics'])
          expect((await fetch(`http://${host}:${port}/${route}`)).status).toBe(200);
        await other.database('other').write('add', (tx) => tx.run('CREATE TABLE t (a)'));
      },
    ],
    [
      'a service on the file in another thread',
      async ({ path }) => {
        const program = `
          import { parentPort, workerData } from 'node:worker_threads';
          const { openDatabaseService, sqlite } = await import(workerData.entry);
          const databases = { again: sqlite({ path: workerData.path, required: true }) };
          const outcome = openDatabaseService({ app: 'thread', presence: false, databases });
          parentPort.postMessage(await outcome.then(() => 'opened', ({ code }) => code));
        `;
        const entry = import.meta.resolve('@hive/shared-db');
        const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
        const worker = new Worker(url, { workerData: { path, entry } });
        expect(await once(worker, 'message')).toEqual(['opened']);
        await worker.terminate();
      },
    ],
    [
      'looking up who holds the lock',
      ({ path }) => {
        expect(writeLockHolders(path)).toMatchObject([{ pid: process.pid }]);
      },
    ],
    [
      'being suspended, resumed and flushed',
      async ({ database }) => {
        database.suspend();
        database.resume();
        for (const mode of ['idle', 'leaked'] as const) await database.flush(mode);
        expect(itemsOf(database)).toEqual([]);
      },
    ],
    [
      'a second service on the file',
      async ({ path }) => {
        expect(await rejectionOf(secondServiceOn(path))).toMatchObject({ code: 'HIVEDB_E_DUPLICATE_FILE' });
      },
    ],
    [
      'a second service on the file by a hard link',
      async ({ path }, directory) => {
        linkSync(path, `${directory}/hard.db`);
        expect(await rejectionOf(secondServiceOn(`${directory}/hard.db`))).toMatchObject({
          code: 'HIVEDB_E_PATH',
          message: expect.stringContaining('is one of 2 names of a file') as string,
        });
      },
    ],
    [
      'a second service on the file by a symbolic link',
      async ({ path }, directory) => {
        symlinkSync(path, `${directory}/soft.db`);
        expect(await rejectionOf(secondServiceOn(`${directory}/soft.db`))).toMatchObject({ code: 'HIVEDB_E_PATH' });
      },
    ],
    [
      'a direct database on the file',
      async ({ path }) => {
        expect(await rejectionOf(openDirect({ name: 'again', path }))).toMatchObject({
          code: 'HIVEDB_E_DUPLICATE_FILE',
        });
      },
    ],
    [
      'verifying the file',
      async ({ path }) => {
        // Not while somebody writes, who is this process.
        expect(await rejectionOf(verifyFile(path, { patienceMs: 100 }))).toMatchObject({
          code: 'HIVEDB_E_FENCED',
          message: expect.stringContaining('others read or wrote it all the time, for 100 ms') as string,
        });
      },
    ],
    [
      'verifying a file that is not there',
      async ({ path }) => {
        expect(await rejectionOf(verifyFile(`${path}.gone`))).toMatchObject({
          code: 'HIVEDB_E_FENCED',
          message: expect.stringContaining('could not be checked after an I/O error') as string,
        });
      },
    ],
    [
      'readers that come and go',
      async ({ database }) => {
        for (const round of [1, 2]) {
          await using stack = new AsyncDisposableStack();
          for (let n = 0; n < 3; n++) stack.use(await database.session(`round ${round}`));
          expect(itemsOf(database)).toEqual([]);
          await database.resize({ size: 3 + round });
          await database.flush('idle');
        }
      },
    ],
    [
      'a write that waits for its turn and gives up',
      async ({ database }) => {
        const late = database.write('late', () => 1, { timeoutMs: 1 });
        expect(await rejectionOf(late)).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT' });
      },
    ],
  ];

describe('the locks of a process on a file that it has open', () => {
  it.each(DEEDS)('outlast %s', async (_, deed) => {
    using directory = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: directory.path });
    await using rival = companion(RIVAL, temporary.path);
    const ask = (): Promise<string> => {
      rival.say('try');
      return rival.hear();
    };
    await temporary.database.transaction(
      'hold the lock',
      async (tx) => {
        await tx.run("INSERT INTO item (name) VALUES ('a')");
        const before = locksOn(temporary.path);
        expect(before.some(({ exclusive }) => exclusive)).toBe(true);
        expect(await ask()).toBe('database is locked');
        await deed(temporary, directory.path);
        expect(await ask()).toBe('database is locked');
        expect(locksOn(temporary.path)).toEqual(expect.arrayContaining([...before]));
      },
      { limitMs: 15_000, idleLimitMs: 15_000 },
    );
    expect(await ask()).toBe('free');
    expect(itemsOf(temporary.database)).toEqual(['a']);
  });

  it('are lost when the file is opened and closed by anything but SQLite, which this test would notice', async () => {
    await using temporary = await shop();
    await using rival = companion(RIVAL, temporary.path);
    const attempt = temporary.database.transaction('hold the lock', async (tx) => {
      await tx.run("INSERT INTO item (name) VALUES ('a')");
      readFileSync(`${temporary.path}-shm`);
      rival.say('try');
      return rival.hear();
    });
    expect(await attempt).toBe('free');
  });
});
