import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite, systemClock, type DatabaseService, type ServiceConfig } from '@hive/shared-db';
import { temporaryDatabase, temporaryDirectory } from '@hive/shared-db/testing';
// By itself, because a test cannot mount a network file system.
import { createDatabase } from '../../dist/sqlite/open.js';
import { checkPath } from '../../dist/sqlite/path.js';
import { asNobody, canBecomeNobody } from '../support/as-nobody.ts';
import { pictureOf } from '../support/directory-picture.ts';
import { rejectionOf } from '../support/outcome.ts';
import { smallDisk } from '../support/small-disk.ts';

function serviceOn(path: string, rest: Partial<ServiceConfig> = {}): Promise<DatabaseService> {
  return openDatabaseService({ app: 'test', presence: false, databases: { orders: sqlite({ path }) }, ...rest });
}

/** Makes a database with a thousand rows and closes it. */
async function databaseAt(path: string): Promise<void> {
  await using temporary = await temporaryDatabase();
  await temporary.database.write('fill', (tx) => {
    tx.exec('CREATE TABLE item (name TEXT)');
    for (let i = 0; i < 1_000; i++) tx.run('INSERT INTO item VALUES (?)', `item ${i}`);
  });
  await temporary.service.close();
  copyFileSync(temporary.path, path);
}

describe('a path that is none', () => {
  it.each([
    ['', 'CONFIG', 'path'],
    ['   ', 'PATH', 'is empty'],
    ['a\0b', 'CONFIG', 'path'],
    ['orders.db ', 'PATH', 'ends in white space'],
    ['orders.db\n', 'PATH', 'ends in white space'],
    [':memory:', 'PATH', 'is no file'],
    ['file:orders.db', 'PATH', 'is a URI'],
    ['orders/', 'PATH', 'is one of a directory'],
    ['orders/.', 'PATH', 'is one of a directory'],
    ['orders.db-wal', 'PATH', 'ends in -wal'],
    ['orders.db-shm', 'PATH', 'ends in -shm'],
    ['orders.db-journal', 'PATH', 'ends in -journal'],
    ['FILE:///tmp/orders.db?mode=memory', 'PATH', 'is a URI'],
    [undefined, 'PATH', 'is empty'],
    [42, 'CONFIG', 'path'],
  ])('%j is refused before anything is opened', async (path, code, what) => {
    using directory = temporaryDirectory();
    const databases = {
      fine: sqlite({ path: directory.file('fine.db') }),
      orders: sqlite({ path: path as string }),
    };
    const error = await rejectionOf(openDatabaseService({ app: 'test', presence: false, databases }));
    expect(error).toMatchObject({
      code: `HIVEDB_E_${code}`,
      retryable: false,
      message: expect.stringMatching(new RegExp(`orders[^]*${what}[^]*(?:; give|must be a path)`)) as string,
    });
    expect(readdirSync(directory.path)).toEqual([]);
  });
});

describe('a path that somebody has set', () => {
  it.each([
    ['a file', '../orders.db', 'leaves the data directory'],
    ['a file', ':memory:', 'is no file'],
    ['the environment', 'file:orders.db', 'is a URI'],
  ])('in %s and that is wrong (%j) is refused with its key and where it stands', async (where, path, what) => {
    using directory = temporaryDirectory();
    const settingsFile = directory.file('settings.yaml');
    const isFile = where === 'a file';
    if (isFile) writeFileSync(settingsFile, `databases:\n  orders: { path: ${JSON.stringify(path)} }\n`);
    const origin = isFile ? `${settingsFile}:2` : 'environment DB_ORDERS__PATH';
    const error = await rejectionOf(
      openDatabaseService({
        app: 'test',
        presence: false,
        dataDirectory: directory.file('data'),
        databases: { orders: sqlite({ path: 'orders.db' }) },
        settingsFile,
        env: isFile ? {} : { DB_ORDERS__PATH: path },
      }),
    );
    expect(error).toMatchObject({
      code: 'HIVEDB_E_PATH',
      message: expect.stringContaining(
        `the path ${JSON.stringify(path)} (databases.orders.path, ${origin}) ${what}`,
      ) as string,
    });
    expect(existsSync(directory.file('data'))).toBe(false);
  });
});

describe('a relative path', () => {
  it('is refused where the working directory has been removed meanwhile', () => {
    using directory = temporaryDirectory();
    const program = `
      import { openDatabaseService, sqlite } from ${JSON.stringify(import.meta.resolve('@hive/shared-db'))};
      import { rmdirSync } from 'node:fs';
      process.chdir(${JSON.stringify(directory.path)});
      rmdirSync(${JSON.stringify(directory.path)});
      await openDatabaseService({ app: 'test', presence: false, databases: { orders: sqlite({ path: 'orders.db' }) } }).catch(
        ({ code, message }) => console.log(code, message),
      );`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    expect(said).toBe(
      'HIVEDB_E_PATH database orders: the path "orders.db" is relative, and the working directory is gone; start in one that is there\n',
    );
  });
});

describe('a directory that can never be made', () => {
  it.skipIf(!existsSync('/proc/self'))('is refused at once', async () => {
    await using service = await serviceOn('/proc/hive/in/orders.db');
    expect(service.database('orders').snapshot()).toMatchObject({
      status: 'failed',
      failure: { code: 'HIVEDB_E_PATH', message: expect.stringContaining('cannot be made') as string },
    });
  });
});

describe('a new database', () => {
  it('is nobody’s but the first one’s: who comes second finds it, and touches nothing', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await databaseAt(path);
    const before = pictureOf(directory.path);
    createDatabase(path, systemClock);
    expect(pictureOf(directory.path)).toEqual(before);
    expect(() => {
      createDatabase(directory.file('nowhere/orders.db'), systemClock);
    }).toThrow('directory does not exist');
  });
});

describe('a path, when a data directory is configured', () => {
  it('is relative to it, and its directories are made', async () => {
    using directory = temporaryDirectory();
    const service = await serviceOn('deep/er/orders.db', { dataDirectory: directory.file('data') });
    expect(service.database('orders').snapshot()).toMatchObject({
      status: 'open',
      path: directory.file('data/deep/er/orders.db'),
    });
    await service.close();
    const absolute = await serviceOn(directory.file('data/deep/er/orders.db'), {
      dataDirectory: directory.file('data'),
    });
    expect(absolute.database('orders').snapshot().status).toBe('open');
    await absolute.close();
  });

  it.each(['../orders.db', 'a/../../orders.db', '/orders.db', '/tmp/orders.db'])(
    'may not leave it: %s',
    async (path) => {
      using directory = temporaryDirectory();
      mkdirSync(directory.file('data'));
      const before = pictureOf(directory.path);
      expect(await rejectionOf(serviceOn(path, { dataDirectory: directory.file('data') }))).toMatchObject({
        code: 'HIVEDB_E_PATH',
        message: expect.stringContaining('leaves the data directory') as string,
      });
      expect(pictureOf(directory.path)).toEqual(before);
    },
  );

  it.each(['link/orders.db', 'link/new/orders.db'])('may not leave it through a symbolic link: %s', async (path) => {
    using directory = temporaryDirectory();
    mkdirSync(directory.file('data'));
    mkdirSync(directory.file('outside'));
    symlinkSync(directory.file('outside'), directory.file('data/link'));
    const before = pictureOf(directory.path);
    const service = await serviceOn(path, { dataDirectory: directory.file('data') });
    expect(service.database('orders').snapshot().failure).toMatchObject({
      code: 'HIVEDB_E_PATH',
      message: expect.stringContaining('through a symbolic link') as string,
    });
    await service.close();
    expect(pictureOf(directory.path)).toEqual(before);
  });

  it('may itself be reached through one', async () => {
    using directory = temporaryDirectory();
    mkdirSync(directory.file('real'));
    symlinkSync(directory.file('real'), directory.file('data'));
    const service = await serviceOn('orders.db', { dataDirectory: directory.file('data') });
    expect(service.database('orders').snapshot().status).toBe('open');
    await service.close();
  });
});

type Damage = (path: string) => void | Promise<void>;

describe('a file that cannot be used', () => {
  const DAMAGES: readonly (readonly [string, string, string, Damage])[] = [
    [
      'a symbolic link',
      'PATH',
      'is a symbolic link',
      async (path) => {
        await databaseAt(`${path}.real`);
        symlinkSync(`${path}.real`, path);
      },
    ],
    [
      'a file with a second name',
      'PATH',
      'is one of 2 names of a file (hard links)',
      async (path) => {
        await databaseAt(path);
        linkSync(path, `${path}.copy`);
      },
    ],
    [
      'a dangling link',
      'PATH',
      'is a symbolic link',
      (path) => {
        symlinkSync('/nowhere', path);
      },
    ],
    [
      'a directory',
      'PATH',
      'is a directory',
      (path) => {
        mkdirSync(path);
      },
    ],
    [
      'a pipe',
      'PATH',
      'is not a regular file',
      (path) => {
        execFileSync('mkfifo', [path]);
      },
    ],
    [
      'a text file',
      'NOT_A_DATABASE',
      'is not a SQLite database',
      (path) => {
        writeFileSync(path, 'a diary\n'.repeat(500));
      },
    ],
    [
      'a very short file',
      'NOT_A_DATABASE',
      'is not a SQLite database',
      (path) => {
        writeFileSync(path, 'SQL');
      },
    ],
    [
      'a file of one byte',
      'NOT_A_DATABASE',
      'holds a single byte',
      (path) => {
        writeFileSync(path, '1');
      },
    ],
    [
      'zero bytes where data was',
      'NOT_A_DATABASE',
      'is empty: whatever was in it is gone',
      (path) => {
        writeFileSync(path, '');
      },
    ],
    [
      'a truncated database',
      'CORRUPT',
      '/in/orders.db is damaged (SQLITE_CORRUPT)',
      async (path) => {
        await databaseAt(path);
        truncateSync(path, statSync(path).size - 5_000);
      },
    ],
    [
      'a database cut off in its last page',
      'CORRUPT',
      'ends in the middle of a page',
      async (path) => {
        await databaseAt(path);
        truncateSync(path, statSync(path).size - 1);
      },
    ],
    [
      'a database cut off in its first page',
      'CORRUPT',
      '/in/orders.db is damaged (SQLITE_CORRUPT)',
      async (path) => {
        await databaseAt(path);
        truncateSync(path, 60);
      },
    ],
    [
      'a database with a directory in place of its log',
      'PATH',
      'orders.db-wal beside it, which is not a regular file',
      async (path) => {
        await databaseAt(path);
        mkdirSync(`${path}-wal`);
      },
    ],
    [
      'a database whose log is a symbolic link',
      'PATH',
      'orders.db-wal beside it, which is not a regular file',
      async (path) => {
        await databaseAt(path);
        symlinkSync(`${path}.elsewhere`, `${path}-wal`);
      },
    ],
    [
      'a new database with a directory in place of its journal',
      'PATH',
      'orders.db-journal beside it, which is not a regular file',
      (path) => {
        mkdirSync(`${path}-journal`);
      },
    ],
    [
      'a new database whose log is a symbolic link',
      'PATH',
      'orders.db-wal beside it, which is not a regular file',
      (path) => {
        symlinkSync(`${path}.elsewhere`, `${path}-wal`);
      },
    ],
    [
      'a file in a file',
      'PATH',
      '/in is no directory; give a path in one',
      (path) => {
        writeFileSync(join(path, '../..'), 'a file');
      },
    ],
  ];

  it.each(DAMAGES)(
    '%s: the database alone has failed, says why and what to do, and the file is untouched',
    async (what, code, why, damage) => {
      using directory = temporaryDirectory();
      const inner = what === 'a file in a file' ? 'in/deep' : 'in';
      if (inner === 'in') mkdirSync(directory.file('in'));
      const path = directory.file(`${inner}/orders.db`);
      await damage(path);
      const before = pictureOf(directory.path);
      const databases = { orders: sqlite({ path }) };
      const service = await openDatabaseService({ app: 'test', presence: false, databases });
      const failure = { code: `HIVEDB_E_${code}`, message: expect.stringContaining(why) as string };
      expect(service.database('orders').snapshot()).toMatchObject({ status: 'failed', failure });
      for (const use of [
        service.database('orders').write('use', () => 1),
        service.database('orders').read('use', () => Promise.resolve(1)),
      ])
        expect(await rejectionOf(use)).toMatchObject({
          ...failure,
          retryable: false,
          advice: expect.any(String) as string,
        });
      await service.close();
      expect(pictureOf(directory.path)).toEqual(before);
    },
  );

  it('is no reason to open a service without it when it is required', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    writeFileSync(path, 'a diary\n'.repeat(500));
    const before = pictureOf(directory.path);
    const databases = { orders: sqlite({ path, required: true }) };
    expect(await rejectionOf(openDatabaseService({ app: 'test', presence: false, databases }))).toMatchObject({
      code: 'HIVEDB_E_NOT_A_DATABASE',
      database: 'orders',
    });
    expect(pictureOf(directory.path)).toEqual(before);
  });

  it('has one name, though who has made it was killed before the name under which it was prepared was gone', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await databaseAt(path);
    linkSync(path, `${path}.new-4242-1`);
    writeFileSync(`${path}.new-4243-1`, 'of another one');
    const service = await serviceOn(path);
    expect(service.database('orders').snapshot().status).toBe('open');
    await service.close();
    linkSync(path, directory.file('of a stranger.db'));
    const refused = await serviceOn(path);
    expect(refused.database('orders').snapshot().failure?.message).toContain('is one of 2 names of a file');
    await refused.close();
  });

  it('is used as soon as it is repaired', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    mkdirSync(path);
    const service = await serviceOn(path);
    rmSync(path, { recursive: true });
    await databaseAt(path);
    await expect
      .poll(
        () =>
          service
            .database('orders')
            .read('use', (c) => c.get('SELECT count(*) AS n FROM item'))
            .catch(() => 0),
        {
          timeout: 5_000,
        },
      )
      .toEqual({ n: 1_000 });
    await service.close();
  });

  it.each([
    [0x6969, 'NFS'],
    [0xfe534d42, 'SMB2'],
    [0xfe534d42 | 0, 'SMB2'],
    [0x01021997, '9p'],
  ])('is on a network file system: type %d', (type, name) => {
    using directory = temporaryDirectory();
    const path = directory.file('new/orders.db');
    let error: unknown;
    try {
      checkPath('orders', path, undefined, { typeOf: () => type });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: 'HIVEDB_E_FILESYSTEM',
      message: expect.stringContaining(`is on ${name}, where the locks of SQLite do not hold`) as string,
      advice: 'use a local disk, or a database server',
    });
    expect(readdirSync(directory.path)).toEqual([]);
  });
});

const TRY_AS_NOBODY = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const databases = { orders: sqlite({ path: process.argv[1] }) };
  const service = await openDatabaseService({ app: 'test', presence: false, databases });
  const error = await service.database('orders').write('use', (tx) => tx.run('CREATE TABLE t (a)')).then(() => ({}), (error) => error);
  console.log(JSON.stringify({ code: error.code, message: error.message, advice: error.advice }));
`;

const closeOff = (mode: number) => (path: string) => {
  chmodSync(path, mode);
};
const directoryOf = (file: string): string => join(file, '..');

describe('a file that this user may not use', () => {
  it.for<readonly [what: string, forbid: (file: string) => void, why: string]>([
    ['may not be read', closeOff(0o000), 'cannot be read and written'],
    ['may not be written', closeOff(0o444), 'cannot be read and written'],
    [
      'has a log of somebody else',
      (file) => {
        writeFileSync(`${file}-wal`, '', { mode: 0o644 });
      },
      'orders.db-wal beside it, which cannot be read and written: user 0 has made it',
    ],
    [
      'has an index of the log of somebody else',
      (file) => {
        writeFileSync(`${file}-shm`, '', { mode: 0o644 });
      },
      'orders.db-shm beside it, which cannot be read and written: user 0 has made it',
    ],
    [
      'is in a directory that may not be written',
      (file) => {
        chmodSync(directoryOf(file), 0o555);
      },
      'is in a directory that cannot be written',
    ],
    [
      'is in a directory that may not be entered',
      (file) => {
        chmodSync(directoryOf(file), 0o666);
      },
      'cannot be reached: EACCES',
    ],
    [
      'is to be made in a directory that may not be written',
      (file) => {
        rmSync(file);
        chmodSync(directoryOf(file), 0o555);
      },
      'cannot be created',
    ],
    [
      'is to be made in a directory that may not be made',
      (file) => {
        rmSync(directoryOf(file), { recursive: true });
      },
      'is in a directory that cannot be made',
    ],
  ])('%s', async ([, forbid, why], { skip }) => {
    skip(!canBecomeNobody(), 'only root can become somebody else');
    using directory = temporaryDirectory();
    chmodSync(directory.path, 0o755);
    const inner = directory.file('inner');
    mkdirSync(inner);
    const path = join(inner, 'orders.db');
    await databaseAt(path);
    chmodSync(inner, 0o777);
    chmodSync(path, 0o666);
    forbid(path);
    const before = pictureOf(directory.path);
    expect(asNobody(TRY_AS_NOBODY, path)).toMatchObject({
      code: 'HIVEDB_E_PERMISSION',
      message: expect.stringContaining(why) as string,
      advice: expect.any(String) as string,
    });
    expect(pictureOf(directory.path)).toEqual(before);
  });
});

describe('a disk that is full', () => {
  it('fails the write that does not fit, undoes it, serves reads, and is written again when there is room', async ({
    skip,
  }) => {
    using disk = smallDisk(2_000);
    if (disk === undefined) {
      skip('mounting is not permitted');
      return;
    }
    await using service = await openDatabaseService({
      app: 'test',
      presence: false,
      databases: { orders: sqlite({ path: join(disk.path, 'orders.db'), durability: 'normal' }) },
    });
    const database = service.database('orders');
    await database.write('schema', (tx) => {
      tx.exec('CREATE TABLE item (content BLOB)');
    });
    const fill = (): Promise<unknown> =>
      database.write('fill', (tx) => tx.run('INSERT INTO item VALUES (zeroblob(100000))'));
    const count = (): unknown => database.readSync('count', (c) => c.get('SELECT count(*) AS n FROM item'));
    const written: unknown[] = [];
    const fillUp = async (): Promise<never> => {
      for (;;) written.push(await fill());
    };
    const error = await rejectionOf(fillUp());
    expect(error).toMatchObject({
      code: 'HIVEDB_E_DISK_FULL',
      retryable: false,
      label: 'fill',
      advice: expect.stringContaining('free space') as string,
    });
    expect(count()).toEqual({ n: written.length });
    expect(
      await rejectionOf(database.transaction('fill', (tx) => tx.run('INSERT INTO item VALUES (zeroblob(900000))'))),
    ).toMatchObject({
      code: 'HIVEDB_E_DISK_FULL',
    });
    expect(database.snapshot()).toMatchObject({ status: 'open', refused: { code: 'HIVEDB_E_DISK_FULL', count: 2 } });
    expect(service.verdict()).toMatchObject({ status: 'warn', reasons: [{ code: 'disk-full', database: 'orders' }] });
    disk.remount('size=8000k');
    await fill();
    expect(database.snapshot().refused).toBeUndefined();
    expect(service.verdict().status).toBe('pass');
    expect(count()).toEqual({ n: written.length + 1 });
    expect(database.readSync('check', (c) => c.get('PRAGMA quick_check'))).toEqual({ quick_check: 'ok' });
  });

  it('leaves no file behind where a database was to be made', async ({ skip }) => {
    using disk = smallDisk(64);
    if (disk === undefined) {
      skip('mounting is not permitted');
      return;
    }
    writeFileSync(join(disk.path, 'filling'), Buffer.alloc(60 * 1024));
    const before = pictureOf(disk.path);
    await using service = await serviceOn(join(disk.path, 'orders.db'));
    expect(service.database('orders').snapshot().failure).toMatchObject({
      code: 'HIVEDB_E_DISK_FULL',
      message: expect.stringContaining('free space') as string,
    });
    expect(pictureOf(disk.path)).toEqual(before);
  });

  it('leaves a database alone that cannot be opened on it', async ({ skip }) => {
    using disk = smallDisk(200);
    if (disk === undefined) {
      skip('mounting is not permitted');
      return;
    }
    const path = join(disk.path, 'orders.db');
    await databaseAt(path);
    const free = 200 * 1024 - statSync(path).size;
    writeFileSync(join(disk.path, 'filling'), Buffer.alloc(Math.floor(free / 4096) * 4096));
    const before = pictureOf(disk.path)['orders.db'];
    await using service = await serviceOn(path);
    expect(service.database('orders').snapshot()).toMatchObject({
      status: 'failed',
      failure: { code: 'HIVEDB_E_DISK_FULL', message: expect.stringContaining('free space') as string },
    });
    expect(pictureOf(disk.path)['orders.db']).toEqual(before);
  });

  it('is read-only, and says so', async ({ skip }) => {
    using disk = smallDisk(2_000);
    if (disk === undefined) {
      skip('mounting is not permitted');
      return;
    }
    const path = join(disk.path, 'orders.db');
    await databaseAt(path);
    disk.remount('ro');
    const before = pictureOf(disk.path);
    for (const file of [path, join(disk.path, 'new.db'), join(disk.path, 'in', 'new.db')]) {
      await using service = await serviceOn(file);
      expect(service.database('orders').snapshot()).toMatchObject({
        status: 'failed',
        failure: { code: 'HIVEDB_E_PERMISSION', message: expect.stringContaining('mounted read-only') as string },
      });
    }
    expect(pictureOf(disk.path)).toEqual(before);
  });
});

describe('a new database', () => {
  it('appears complete or not at all, and leaves nothing else behind', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('a/b/orders.db');
    const service = await serviceOn(path);
    expect(readdirSync(directory.file('a/b')).toSorted()).toEqual(['orders.db', 'orders.db-shm', 'orders.db-wal']);
    await service.close();
    expect(readdirSync(directory.file('a/b'))).toEqual(['orders.db']);
  });
});
