import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { checkPlaces, loadSettings, refusedPaths } from '@hive/shared-db/config';
import { temporaryDatabase, temporaryDirectory } from '@hive/shared-db/testing';
import { asNobody, canBecomeNobody } from '../support/as-nobody.ts';
import { pictureOf } from '../support/directory-picture.ts';
import { rejectionOf } from '../support/outcome.ts';

/** Where two applications have their databases: in one directory, unless a variable says otherwise of one. */
function settingsOf(dataDirectory: string, env: Readonly<Record<string, string>>) {
  const databases = { orders: { path: 'orders.db' }, stock: { path: 'stock.db' }, 'tenant-*': { path: '../*.db' } };
  return loadSettings({ code: { dataDirectory, databases }, env, databases: Object.keys(databases) });
}

describe('the places of databases', () => {
  it.for<readonly [name: string, code: string | undefined]>([
    ['not-there', undefined],
    ['own', undefined],
    ['open-to-all', 'HIVEDB_E_PERMISSION'],
    ['text', 'HIVEDB_E_PATH'],
    ['link', 'HIVEDB_E_PATH'],
  ])('of processes that meet there is looked at, where that is set: %j', ([name, code]) => {
    using directory = temporaryDirectory();
    mkdirSync(directory.file('own'), { mode: 0o700 });
    mkdirSync(directory.file('open-to-all'));
    chmodSync(directory.file('open-to-all'), 0o755);
    writeFileSync(directory.file('text'), '');
    symlinkSync(directory.file('own'), directory.file('link'));
    const settings = settingsOf(directory.file('data'), { HIVE_RUNTIME_DIR: directory.file(name) });
    let error: unknown;
    try {
      expect(checkPlaces(settings)).toHaveLength(2);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as { code?: string } | undefined)?.code).toBe(code);
    expect(existsSync(directory.file('not-there'))).toBe(false);
  });

  it('by one pattern are not one file, whatever stands in for the * of the path', () => {
    using directory = temporaryDirectory();
    const file = directory.file('settings.yaml');
    writeFileSync(file, 'databases: { "tenant-*": { path: by/*.db } }');
    const code = { dataDirectory: directory.path };
    const settings = loadSettings({ file, code, env: {}, databases: ['tenant-a', 'tenant-x'], mentioned: true });
    expect(refusedPaths(settings)).toEqual([]);
    expect(checkPlaces(settings).map(({ path }) => path)).toEqual([
      directory.file('by/a.db'),
      directory.file('by/x.db'),
    ]);
  });

  it('are refused for what their paths say, all at once and with nothing looked at', () => {
    const databases = {
      memory: { path: ':memory:' },
      left: { path: '../left.db' },
      log: { path: 'orders.db-wal' },
      'tenant-*': { path: '*/' },
      orders: { path: 'orders.db' },
      stock: { path: 'in/../orders.db' },
    };
    const code = { dataDirectory: '/not/there', databases };
    const refused = refusedPaths(loadSettings({ code, env: {}, databases: Object.keys(databases) }));
    expect(refused.map(({ database, code: why }) => [database, why])).toEqual([
      ['memory', 'HIVEDB_E_PATH'],
      ['left', 'HIVEDB_E_PATH'],
      ['log', 'HIVEDB_E_PATH'],
      ['tenant-*', 'HIVEDB_E_PATH'],
      ['stock', 'HIVEDB_E_DUPLICATE_FILE'],
    ]);
  });

  it.for<readonly [path: string, code: string, why: string]>([
    [' ', 'PATH', 'the path " " (databases.stock.path, environment DB_STOCK__PATH) is empty'],
    [':memory:', 'PATH', 'is no file'],
    ['file:stock.db', 'PATH', 'is a URI'],
    ['stock.db ', 'PATH', 'ends in white space'],
    ['../stock.db', 'PATH', 'leaves the data directory'],
    ['link/stock.db', 'PATH', 'leaves the data directory {data} through a symbolic link'],
    ['alias.db', 'PATH', '{data}/alias.db is a symbolic link'],
    ['lost/stock.db', 'PATH', '{data}/lost/stock.db cannot be reached: ENOENT'],
    ['in', 'PATH', '{data}/in is a directory'],
    ['pipe', 'PATH', 'is not a regular file'],
    ['empty.db', 'NOT_A_DATABASE', 'is empty: whatever was in it is gone'],
    ['byte.db', 'NOT_A_DATABASE', 'holds a single byte'],
    ['gone.db', 'NOT_A_DATABASE', 'is gone, and its log'],
    ['byte.db/stock.db', 'PATH', '{data}/byte.db/stock.db cannot be made: {data}/byte.db is no directory'],
    ['byte.db/in/stock.db', 'PATH', '{data}/byte.db/in/stock.db cannot be made: {data}/byte.db is no directory'],
    [`${'n'.repeat(300)}.db`, 'PATH', 'cannot be reached: ENAMETOOLONG'],
    ['orders.db', 'DUPLICATE_FILE', 'databases orders and stock are the same file'],
    ['in/../orders.db', 'DUPLICATE_FILE', 'databases orders and stock are the same file'],
  ])('are refused as opening would refuse them, and nothing is made or touched: %j', ([path, code, why]) => {
    using directory = temporaryDirectory();
    const data = directory.file('data');
    mkdirSync(directory.file('data/in'), { recursive: true });
    mkdirSync(directory.file('outside'));
    symlinkSync(directory.file('outside'), directory.file('data/link'));
    symlinkSync('somewhere.db', directory.file('data/alias.db'));
    symlinkSync('/nowhere', directory.file('data/lost'));
    execFileSync('mkfifo', [directory.file('data/pipe')]);
    for (const [name, text] of Object.entries({ 'empty.db': '', 'byte.db': 'x', 'gone.db-wal': 'committed' }))
      writeFileSync(directory.file(`data/${name}`), text);
    const before = pictureOf(directory.path);
    let error: unknown;
    try {
      checkPlaces(settingsOf(data, { DB_STOCK__PATH: path }));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: `HIVEDB_E_${code}`,
      database: 'stock',
      message: expect.stringContaining(why.replaceAll('{data}', data)) as string,
      advice: expect.any(String) as string,
    });
    expect(pictureOf(directory.path)).toEqual(before);
  });

  it('may be new, with directories that are still to be made, and may be there', async () => {
    using directory = temporaryDirectory();
    checkPlaces(settingsOf(directory.file('data/of/mine'), {}));
    expect(readdirSync(directory.path)).toEqual([]);
    await using temporary = await temporaryDatabase();
    checkPlaces(loadSettings({ code: { databases: { orders: { path: temporary.path } } }, databases: ['orders'] }));
    expect(temporary.database.snapshot().status).toBe('open');
  });

  it.skipIf(!canBecomeNobody())('are refused where this user may not make their directory', () => {
    using directory = temporaryDirectory();
    chmodSync(directory.path, 0o755);
    const said = asNobody(
      `import { checkPlaces, loadSettings, refusedPaths } from '@hive/shared-db/config';
       const code = { databases: { orders: { path: process.argv[1] } } };
       try { checkPlaces(loadSettings({ code, databases: ['orders'] })); }
       catch ({ code, message }) { console.log(JSON.stringify({ code, message })); }`,
      directory.file('new/orders.db'),
    );
    expect(said).toMatchObject({
      code: 'HIVEDB_E_PERMISSION',
      message: expect.stringContaining(
        `orders.db is in a directory that cannot be made; make ${directory.file('new')}`,
      ),
    });
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it('of a service are all looked at before the first is made', async () => {
    using directory = temporaryDirectory();
    writeFileSync(directory.file('diary'), 'a diary');
    const databases = {
      fine: sqlite({ path: directory.file('new/fine.db'), required: true }),
      orders: sqlite({ path: directory.file('diary/in/orders.db'), required: true }),
    };
    const error = await rejectionOf(openDatabaseService({ app: 'test', presence: false, databases }));
    expect(error).toMatchObject({ code: 'HIVEDB_E_PATH', database: 'orders' });
    expect(readdirSync(directory.path)).toEqual(['diary']);
  });
});
