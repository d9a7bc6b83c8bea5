import { cpSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { openDirect } from '@hive/shared-db/direct';
import { temporaryDatabase, temporaryDirectory } from '@hive/shared-db/testing';
// By themselves, because only one engine and one Node can be loaded at a time.
import { assertRuntime } from '../../dist/runtime-version.js';
import { assertVersion } from '../../dist/sqlite/engine.js';
import { foreignEngines } from '../../dist/sqlite/foreign-engines.js';
import { companion } from '../support/companion.ts';
import { pictureOf } from '../support/directory-picture.ts';
import { outcomeOf, rejectionOf } from '../support/outcome.ts';

describe('a SQLite that can lose acknowledged commits', () => {
  it.each(['3.7.0', '3.44.5', '3.45.1', '3.49.2', '3.50.6', '3.51.0', '3.51.2', '2.8.17', '4.0.0', 'unknown'])(
    'is refused: %s',
    (version) => {
      expect(
        outcomeOf(() => {
          assertVersion(version);
        }),
      ).toMatchObject({
        code: 'HIVEDB_E_ENGINE_REFUSED',
        retryable: false,
        message: expect.stringContaining(`SQLite ${version} can lose acknowledged commits`) as string,
        advice: expect.stringContaining('3.51.3 or newer') as string,
      });
    },
  );

  it.each(['3.44.6', '3.44.7', '3.50.7', '3.51.3', '3.52.0', '3.54.1', '3.100.0'])(
    'is not one that is repaired: %s',
    (version) => {
      expect(
        outcomeOf(() => {
          assertVersion(version);
        }),
      ).toBeUndefined();
    },
  );

  it('is not what runs here', async () => {
    await using temporary = await temporaryDatabase();
    const row = temporary.database.readSync('version', (c) => c.get<{ v: string }>('SELECT sqlite_version() AS v'));
    expect(
      outcomeOf(() => {
        assertVersion(row?.v ?? '');
      }),
    ).toBeUndefined();
  });
});

describe('a Node on which the engine would crash without a word', () => {
  it.each(['20.20.2', '22.23.0', '23.11.1', '8.0.0'])('is refused before anything is opened: %s', (version) => {
    expect(
      outcomeOf(() => {
        assertRuntime(version);
      }),
    ).toMatchObject({
      code: 'HIVEDB_E_RUNTIME_VERSION',
      message: expect.stringContaining(`this is Node ${version}`) as string,
      advice: expect.stringContaining('Node 24 or newer') as string,
    });
  });

  it('is refused before anything of it is used that an older one may not have', async () => {
    const versions = Object.getOwnPropertyDescriptor(process, 'versions') as PropertyDescriptor;
    Object.defineProperty(process, 'versions', { ...versions, value: { ...process.versions, node: '20.20.2' } });
    try {
      for (const open of [openDatabaseService, openDirect])
        // Whatever else is wrong is found by code that may not run there.
        expect(await rejectionOf(open({} as never))).toMatchObject({ code: 'HIVEDB_E_RUNTIME_VERSION' });
    } finally {
      Object.defineProperty(process, 'versions', versions);
    }
  });

  it.each(['24.0.0', '24.21.0', '25.1.0', '100.0.0'])('is not %s', (version) => {
    expect(
      outcomeOf(() => {
        assertRuntime(version);
      }),
    ).toBeUndefined();
  });
});

/** What a companion opens its database with. */
const OPEN = `
  const { openDatabaseService, sqlite } = await import('@hive/shared-db');
  const open = () => openDatabaseService({
    app: 'test', presence: false, databases: { orders: sqlite({ path: args[0], durability: 'normal' }) },
  });
`;

describe('other engines in the process', () => {
  it('are found among the libraries that are loaded, whatever they are called', () => {
    const maps = [
      '7f0000-7f1000 r-xp 00000000 fd:00 100   /srv/app/node_modules/better-sqlite3/prebuilds/linux-x64.node',
      '7f0000-7f1000 r-xp 00000000 fd:00 101   /srv/app/node_modules/old/node_modules/better-sqlite3/prebuilds/linux-x64.node',
      '7f1000-7f2000 r--p 00000000 fd:00 101   /srv/app/node_modules/old/node_modules/better-sqlite3/prebuilds/linux-x64.node',
      '7f0000-7f1000 r-xp 00000000 fd:00 102   /srv/other/node_modules/better-sqlite3/build/Release/better_sqlite3.node',
      '7f0000-7f1000 r-xp 00000000 fd:00 103   /srv/app/node_modules/sqlite3/build/Release/node_sqlite3.node',
      '7f0000-7f1000 r-xp 00000000 fd:00 104   /srv/app/node_modules/@libsql/linux-x64-gnu/index.node',
      '7f0000-7f1000 r-xp 00000000 fd:00 105   /usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6',
      '7f0000-7f1000 r-xp 00000000 fd:00 106   /home/sqlite3/work/node_modules/argon2/argon2.node',
      '7f0000-7f1000 rw-s 00000000 fd:00 107   /srv/data/sqlite3.db-shm',
      '7f0000-7f1000 rw-p 00000000 00:00 0 [heap]',
      '',
    ].join('\n');
    expect(foreignEngines(maps, [], '/srv/app/node_modules/better-sqlite3')).toEqual([
      '/srv/app/node_modules/old/node_modules/better-sqlite3/prebuilds/linux-x64.node',
      '/srv/other/node_modules/better-sqlite3/build/Release/better_sqlite3.node',
      '/srv/app/node_modules/sqlite3/build/Release/node_sqlite3.node',
      '/srv/app/node_modules/@libsql/linux-x64-gnu/index.node',
      '/usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6',
    ]);
    expect(foreignEngines('', ['NativeModule fs', 'NativeModule sqlite'])).toEqual(['node:sqlite']);
  });

  it('are none where there is only our own', async () => {
    await using temporary = await temporaryDatabase();
    expect(foreignEngines()).toEqual([]);
    expect(temporary.service.snapshot().warnings).toEqual([]);
  });

  it('are warned about: node:sqlite', async () => {
    using directory = temporaryDirectory();
    await using other = companion(
      `import 'node:sqlite';
       ${OPEN}
       const service = await open();
       say(JSON.stringify(service.snapshot().warnings));
       await service.close();`,
      directory.file('orders.db'),
    );
    expect(JSON.parse(await other.hear())).toEqual([
      expect.stringContaining('another SQLite engine is loaded in this process: node:sqlite; never open'),
    ]);
  });

  it('are warned about: a second copy of our own', async () => {
    using directory = temporaryDirectory();
    const original = dirname(dirname(createRequire(import.meta.url).resolve('better-sqlite3')));
    const copy = directory.file('node_modules/better-sqlite3');
    mkdirSync(copy, { recursive: true });
    for (const part of ['package.json', 'lib', `prebuilds/${process.platform}-${process.arch}.node`])
      cpSync(join(original, part), join(copy, part), { recursive: true });
    await using other = companion(
      `import { createRequire } from 'node:module';
       const Copy = createRequire(args[1])('better-sqlite3');
       new Copy(':memory:').close();
       ${OPEN}
       const service = await open();
       say(JSON.stringify(service.snapshot().warnings));
       await service.close();`,
      directory.file('orders.db'),
      directory.file('index.js'),
    );
    expect(JSON.parse(await other.hear())).toEqual([expect.stringContaining(`${copy}/prebuilds/`)]);
  });

  it.each([
    [
      'another engine',
      `const { DatabaseSync } = await import('node:sqlite'); const other = new DatabaseSync(args[0]); other.exec('SELECT * FROM sqlite_schema');`,
      'other.close()',
    ],
    [
      'a plain file handle',
      `const fs = await import('node:fs'); const other = fs.openSync(args[0], 'r');`,
      'fs.closeSync(other)',
    ],
  ])('are refused when they have the file open: %s', async (_, take, letGo) => {
    await using temporary = await temporaryDatabase();
    await temporary.service.close();
    const before = pictureOf(dirname(temporary.path))['test.db'];
    await using other = companion(
      `${take}
       ${OPEN}
       const error = await open().catch((error) => error);
       say(JSON.stringify([error.code, error.message]));
       await hear();
       ${letGo};
       const service = await open();
       say(service.database('orders').snapshot().status);
       await service.close();
       goDeaf();`,
      temporary.path,
    );
    const [code, message] = JSON.parse(await other.hear()) as [string, string];
    expect(code).toBe('HIVEDB_E_ENGINE_REFUSED');
    expect(message).toContain('is already open in this process');
    expect(pictureOf(dirname(temporary.path))['test.db']).toEqual(before);
    other.say('go on');
    expect(await other.hear()).toBe('open');
  });
});

describe('our own engine', () => {
  it('may have the file open in another thread as well, and both keep their locks', async () => {
    using directory = temporaryDirectory();
    await using other = companion(
      `import { Worker } from 'node:worker_threads';
       ${OPEN}
       const service = await open();
       await service.database('orders').write('schema', (tx) => tx.exec('CREATE TABLE item (name)'));
       const worker = new Worker(\`
         const { openDatabaseService, sqlite } = await import('@hive/shared-db');
         const databases = { orders: sqlite({ path: process.argv.at(-1) }) };
         const service = await openDatabaseService({ app: 'worker', presence: false, databases });
         await service.database('orders').write('from the worker', (tx) => tx.run("INSERT INTO item VALUES ('worker')"));
         await service.close();
       \`, { eval: true, argv: args, execArgv: ['--input-type=module'] });
       const failures = [];
       worker.on('error', (error) => failures.push(error.message));
       await new Promise((resolve) => worker.on('exit', resolve));
       await service.database('orders').write('from the main thread', (tx) => tx.run("INSERT INTO item VALUES ('main')"));
       const fs = await import('node:fs');
       const { ino } = fs.statSync(args[0] + '-shm');
       const locks = fs.readFileSync('/proc/locks', 'utf8').split('\\n').filter((line) => line.includes(':' + ino + ' '));
       const rows = service.database('orders').readSync('items', (c) => c.all('SELECT name FROM item'));
       say(JSON.stringify({ failures, rows, locked: locks.length > 0 }));
       await service.close();`,
      directory.file('orders.db'),
    );
    expect(JSON.parse(await other.hear())).toEqual({
      failures: [],
      rows: [{ name: 'worker' }, { name: 'main' }],
      locked: true,
    });
  });

  it('has a file open once per thread: a second service is refused and told who has it', async () => {
    await using temporary = await temporaryDatabase();
    const open = (): Promise<unknown> =>
      openDatabaseService({
        app: 'second',
        presence: false,
        databases: { again: sqlite({ path: temporary.path, required: true }) },
      });
    expect(await rejectionOf(open())).toMatchObject({
      code: 'HIVEDB_E_DUPLICATE_FILE',
      retryable: false,
      database: 'again',
      message: expect.stringContaining('is already open in this process, as database test') as string,
    });
    await temporary.database.write('go on', (tx) => tx.run('CREATE TABLE t (a)'));
    await temporary.service.close();
    const service = (await open()) as AsyncDisposable;
    await service[Symbol.asyncDispose]();
  });
});
