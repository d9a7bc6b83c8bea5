import { describe, expect, it } from 'vitest';
import {
  openDatabaseService,
  sqlite,
  type DatabaseService,
  type Migration,
  type SyncTransaction,
} from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { companion } from '../support/companion.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { rejectionOf } from '../support/outcome.ts';

type Service = DatabaseService<{ readonly orders: ReturnType<typeof sqlite> }>;

function open(path: string, migrations: readonly Migration[], logger = recordingLogger()): Promise<Service> {
  const databases = { orders: sqlite({ path, migrations, required: true, durability: 'normal' }) };
  return openDatabaseService({ app: 'test', presence: false, databases, logger });
}

const FIRST: Migration = { id: 1, name: 'items', sql: 'CREATE TABLE item (name TEXT)' };
const SECOND: Migration = {
  id: 2,
  name: 'first items',
  up: (tx) => {
    for (const name of ['a', 'b']) tx.run('INSERT INTO item VALUES (?)', name);
  },
};
const THIRD: Migration = {
  id: 10,
  name: 'prices',
  sql: `ALTER TABLE item ADD COLUMN price INTEGER NOT NULL DEFAULT 0;
        CREATE TRIGGER no_gifts BEFORE UPDATE ON item WHEN NEW.price < 0 BEGIN SELECT RAISE(ABORT, 'no gifts'); END;`,
};

// The types allow no such function; JavaScript does.
const asynchronous: unknown = async (tx: SyncTransaction): Promise<void> => {
  tx.run("INSERT INTO item VALUES ('early')");
  await Promise.resolve();
  tx.run("INSERT INTO item VALUES ('late')");
};

describe('schema initialisation: migrations', () => {
  it('are applied once, in order, each with what went before', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const logger = recordingLogger();
    for (const migrations of [[FIRST], [FIRST, SECOND, THIRD], [FIRST, SECOND, THIRD]]) {
      const service = await open(path, migrations, logger);
      await service.close();
    }
    const service = await open(path, [FIRST, SECOND, THIRD]);
    expect(service.database('orders').readSync('items', (c) => c.all('SELECT name, price FROM item'))).toEqual([
      { name: 'a', price: 0 },
      { name: 'b', price: 0 },
    ]);
    expect(
      service.database('orders').readSync('applied', (c) => c.all('SELECT id, name FROM _hive_migrations')),
    ).toEqual([
      { id: 1, name: 'items' },
      { id: 2, name: 'first items' },
      { id: 10, name: 'prices' },
    ]);
    await service.close();
    const told = logger.lines.filter(({ message }) => message === 'schema migrated');
    expect(told.map(({ fields }) => fields['migrations'])).toEqual([['items'], ['first items', 'prices']]);
  });

  it('are known again where integers are bigints', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const databases = { orders: sqlite({ path, migrations: [FIRST, SECOND], integers: 'bigint', required: true }) };
    for (let times = 1; times <= 2; times++) {
      await using service = await openDatabaseService({ app: 'test', presence: false, databases });
      expect(service.snapshot().databases[0]?.status).toBe('open');
    }
  });

  it.each<readonly [string, Partial<Migration>]>([
    ['a failing statement', { sql: 'INSERT INTO item VALUES (1, 2, 3)' }],
    [
      'a function that throws',
      {
        up: () => {
          throw new Error('mine');
        },
      },
    ],
    [
      'an asynchronous function',
      {
        up: asynchronous as NonNullable<Migration['up']>,
      },
    ],
    [
      'a function that swallows the end of its transaction',
      {
        up: (tx) => {
          tx.exec('CREATE UNIQUE INDEX one ON item (name)');
          try {
            tx.run("INSERT OR ROLLBACK INTO item VALUES ('a')");
          } catch {
            // As if nothing had happened.
          }
        },
      },
    ],
    [
      'a function that leaves an iterator open and throws',
      {
        up: (tx) => {
          tx.iterate('SELECT name FROM item').next();
          throw new Error('mine');
        },
      },
    ],
    ['a statement that may not be run', { sql: "INSERT INTO item VALUES ('c'); COMMIT" }],
  ])('are all undone when one fails: %s', async (_, failing) => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const migrations = [FIRST, SECOND, { id: 3, name: 'broken', ...failing }, { ...THIRD, id: 4 }];
    for (let i = 0; i < 2; i++)
      expect(await rejectionOf(open(path, migrations))).toMatchObject({
        code: 'HIVEDB_E_MIGRATION',
        retryable: false,
        database: 'orders',
        message: expect.stringContaining('migration 3 "broken" failed') as string,
        advice: expect.stringContaining('nothing of this start has been applied') as string,
      });
    const service = await open(path, []);
    expect(service.database('orders').readSync('tables', (c) => c.all('SELECT name FROM sqlite_schema'))).toEqual([]);
    await service.close();
  });

  it('are all undone when COMMIT refuses them, and those are named of whom one is to blame', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const orphan = `CREATE TABLE box (id INTEGER PRIMARY KEY, inside INTEGER REFERENCES box DEFERRABLE INITIALLY DEFERRED);
                    INSERT INTO box VALUES (1, 2)`;
    expect(
      await rejectionOf(open(path, [FIRST, { id: 2, name: 'boxes', sql: orphan }, { ...THIRD, id: 3 }])),
    ).toMatchObject({
      code: 'HIVEDB_E_MIGRATION',
      message: expect.stringMatching(
        /migrations 1 "items", 2 "boxes", 3 "prices" were refused at COMMIT: .*FOREIGN KEY/,
      ) as string,
      advice: expect.stringContaining('nothing of this start has been applied') as string,
    });
    const service = await open(path, []);
    expect(service.database('orders').readSync('tables', (c) => c.all('SELECT name FROM sqlite_schema'))).toEqual([]);
    await service.close();
  });

  it('may leave iterators open, and are called back after COMMIT', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const called: string[] = [];
    const up = (name: string) => (tx: SyncTransaction) => {
      tx.iterate('SELECT name FROM item').next();
      tx.afterCommit(() => called.push(name));
    };
    const steps = [FIRST, SECOND, { id: 3, name: 'third', up: up('third') }];
    await rejectionOf(open(path, [...steps, { id: 4, name: 'fourth', sql: 'no SQL' }]));
    expect(called).toEqual([]);
    const service = await open(path, [...steps, { id: 4, name: 'fourth', up: up('fourth') }]);
    expect(called).toEqual(['third', 'fourth']);
    await service.close();
  });

  it('leave those alone that were applied before when a later one fails', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await (await open(path, [FIRST, SECOND])).close();
    await rejectionOf(open(path, [FIRST, SECOND, { id: 3, name: 'broken', sql: 'no SQL' }]));
    const service = await open(path, [FIRST, SECOND]);
    expect(service.database('orders').readSync('items', (c) => c.all('SELECT name FROM item'))).toHaveLength(2);
    await service.close();
  });

  it.each<readonly [string, Migration]>([
    ['its statements', { ...FIRST, sql: 'CREATE TABLE item (name TEXT NOT NULL)' }],
    ['its name', { ...FIRST, name: 'things' }],
    [
      'what it is',
      {
        id: FIRST.id,
        name: FIRST.name,
        up: (tx) => {
          tx.exec('CREATE TABLE item (name TEXT)');
        },
      },
    ],
  ])('must not be edited after they were applied: %s', async (_, edited) => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await (await open(path, [FIRST, SECOND])).close();
    expect(await rejectionOf(open(path, [edited, SECOND]))).toMatchObject({
      code: 'HIVEDB_E_MIGRATION',
      message: expect.stringContaining('is not what was applied to the file') as string,
      advice: expect.stringContaining('never edit a migration') as string,
    });
  });

  it('of a newer program stop an older one', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await (await open(path, [FIRST, SECOND, THIRD])).close();
    expect(await rejectionOf(open(path, [FIRST, SECOND]))).toMatchObject({
      code: 'HIVEDB_E_SCHEMA_NEWER',
      retryable: false,
      database: 'orders',
      message: expect.stringContaining('migration 10 "prices", which this code does not know') as string,
    });
  });

  it.each([-1, 0])('have ids from 1 on: not %i', async (id) => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    expect(await rejectionOf(open(path, [{ ...FIRST, id }]))).toMatchObject({
      code: 'HIVEDB_E_MIGRATION',
      message: expect.stringContaining(`has the id ${id} after 0; expected a larger one`) as string,
    });
  });

  it('are refused where they would fill the gap right before one that was applied', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const last: Migration = { id: 3, name: 'prices', sql: 'CREATE TABLE price (item)' };
    await (await open(path, [FIRST, last])).close();
    expect(await rejectionOf(open(path, [FIRST, SECOND, last]))).toMatchObject({
      code: 'HIVEDB_E_MIGRATION',
      message: expect.stringContaining('migration 2 "first items" comes before 3') as string,
    });
  });

  it('that come before one that was applied are refused, because elsewhere they would come after it', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await (await open(path, [FIRST, THIRD])).close();
    expect(await rejectionOf(open(path, [FIRST, SECOND, THIRD]))).toMatchObject({
      code: 'HIVEDB_E_MIGRATION',
      message: expect.stringContaining('migration 2 "first items" comes before 10, which has been applied') as string,
    });
  });

  it.each<readonly [string, readonly Migration[], string]>([
    ['an id that no number can count', [{ ...FIRST, id: 2 ** 53 }], 'expected a whole number'],
    ['an id that is no whole number', [{ ...FIRST, id: 1.5 }], 'has the id 1.5; expected a whole number'],
    ['an id that does not rise', [FIRST, { ...SECOND, id: 1 }], 'has the id 1 after 1; expected a larger one'],
    ['nothing to do', [{ id: 1, name: 'empty' }], 'has both sql and up, or neither'],
    ['two things to do', [{ ...FIRST, up: () => undefined }], 'has both sql and up, or neither'],
  ])('are refused before anything is opened with %s', async (_, migrations, why) => {
    using directory = temporaryDirectory();
    expect(await rejectionOf(open(directory.file('orders.db'), migrations))).toMatchObject({
      code: 'HIVEDB_E_MIGRATION',
      message: expect.stringContaining(why) as string,
    });
  });

  it('are applied once, though several processes start at the same moment', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const program = `
      import { openDatabaseService, sqlite } from '@hive/shared-db';
      const migrations = [
        { id: 1, name: 'items', sql: 'CREATE TABLE item (name TEXT)' },
        { id: 2, name: 'rows', up: (tx) => { for (let i = 0; i < 2000; i++) tx.run('INSERT INTO item VALUES (?)', 'item ' + i); } },
      ];
      const [path] = args;
      say('ready');
      await hear();
      const service = await openDatabaseService({
        app: 'test', presence: false, databases: { orders: sqlite({ path, migrations, required: true }) },
      });
      await service.database('orders').write('mark', (tx) => tx.run('INSERT INTO item VALUES (?)', 'from ' + process.pid));
      say(service.database('orders').readSync('count', (c) => c.get("SELECT count(*) AS n FROM item WHERE name LIKE 'item%'")).n);
      await service.close();
      goDeaf();
    `;
    await using processes = new AsyncDisposableStack();
    const companions = Array.from({ length: 4 }, () => processes.use(companion(program, path)));
    for (const { hear } of companions) expect(await hear()).toBe('ready');
    for (const { say } of companions) say('go');
    for (const { hear, end } of companions) {
      expect(await hear()).toBe('2000');
      expect(await end()).toEqual({ code: 0, stderr: '' });
    }
    const service = await open(path, []);
    expect(
      service
        .database('orders')
        .readSync('marks', (c) => c.get("SELECT count(*) AS n FROM item WHERE name LIKE 'from%'")),
    ).toEqual({ n: 4 });
    await service.close();
  });
});
