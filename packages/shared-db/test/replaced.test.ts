import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { companion } from './support/companion.ts';
import { pictureOf } from './support/directory-picture.ts';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { itemsOf, SHOP, shop } from './support/shop.ts';

/** A database whose writer was killed: what it has committed is in the log alone. */
async function killedShop(path: string): Promise<void> {
  await using writer = companion(
    `const { DatabaseSync } = await import('node:sqlite');
     const database = new DatabaseSync(args[0]);
     database.exec('PRAGMA journal_mode = WAL; CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)');
     database.exec("INSERT INTO item (name) VALUES ('of another database')");
     say('done');
     await hear();`,
    path,
  );
  expect(await writer.hear()).toBe('done');
}

/** What can happen to a file behind the back of a process. `aside` is a directory beside it. */
const ACCIDENTS: readonly (readonly [what: string, happen: (path: string, aside: string) => void])[] = [
  [
    'is deleted',
    (path) => {
      rmSync(path);
    },
  ],
  [
    'is moved away',
    (path, aside) => {
      renameSync(path, `${aside}/moved.db`);
    },
  ],
  [
    'is moved away with its log',
    (path, aside) => {
      for (const suffix of ['', '-wal', '-shm']) renameSync(path + suffix, `${aside}/moved.db${suffix}`);
    },
  ],
  [
    'makes room for another',
    (path, aside) => {
      copyFileSync(`${aside}/other.db`, `${aside}/copy.db`);
      renameSync(`${aside}/copy.db`, path);
    },
  ],
  [
    'makes room for another that has a log of its own',
    (path, aside) => {
      for (const suffix of ['', '-wal', '-shm']) renameSync(path + suffix, `${aside}/moved.db${suffix}`);
      for (const suffix of ['', '-wal']) copyFileSync(`${aside}/other.db${suffix}`, path + suffix);
    },
  ],
];

const REPLACED = {
  code: 'HIVEDB_E_FILE_REPLACED',
  retryable: false,
  message: expect.stringContaining('is not the file that was opened; the write is lost') as string,
};

describe('a file that', () => {
  it.each(ACCIDENTS)(
    '%s is noticed before a write is acknowledged, and nothing is made or deleted',
    async (_, happen) => {
      using directory = temporaryDirectory();
      const path = directory.file('live/orders.db');
      const aside = directory.file('aside');
      mkdirSync(aside);
      await killedShop(`${aside}/other.db`);
      const databases = { orders: sqlite({ path, durability: 'full', migrations: [SHOP], required: true }) };
      await using service = await openDatabaseService({ app: 'test', presence: false, databases });
      const orders = service.database('orders');
      await orders.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('before')"));
      const session = await orders.session('look');

      happen(path, aside);
      const before = pictureOf(directory.file('live'));
      const told: string[] = [];
      const write = orders.write('save', (tx) => {
        tx.afterCommit(() => told.push('committed'));
        return tx.run("INSERT INTO item (name) VALUES ('lost')");
      });
      expect(await rejectionOf(write)).toMatchObject(REPLACED);
      expect(told).toEqual([]);
      expect(await rejectionOf(orders.write('save', () => told.push('run')))).toMatchObject({
        code: 'HIVEDB_E_FENCED',
      });
      expect(await rejectionOf(orders.transaction('save', () => Promise.resolve(told.push('run'))))).toMatchObject({
        code: 'HIVEDB_E_FENCED',
      });
      expect(told).toEqual([]);
      expect(service.verdict().reasons).toMatchObject([{ code: 'fenced', database: 'orders' }]);
      // What is open goes on with the file that was opened; nothing is opened that would mix it with another.
      const names = "SELECT name FROM item WHERE name = 'before'";
      expect(await session.connection.all(names)).toEqual([{ name: 'before' }]);
      const another = orders.read('look', (c) => c.all(names), { timeoutMs: 50 });
      expect(await rejectionOf(another)).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT' });
      expect(outcomeOf(() => itemsOf(orders))).toMatchObject({ code: 'HIVEDB_E_FILE_REPLACED' });
      await session.close();
      await service.close();

      const after = pictureOf(directory.file('live'));
      expect(Object.keys(after)).toEqual(Object.keys(before));
      expect(after['orders.db']).toEqual(before['orders.db']);
      if (happen === ACCIDENTS.at(-1)?.[1]) expect(after).toEqual(before);
    },
  );

  it('is deleted during a transaction is noticed at its COMMIT', async () => {
    await using temporary = await shop({ durability: 'full' });
    const told: string[] = [];
    const transaction = temporary.database.transaction('save', async (tx) => {
      tx.afterCommit(() => told.push('committed'));
      await tx.run("INSERT INTO item (name) VALUES ('lost')");
      rmSync(temporary.path);
    });
    expect(await rejectionOf(transaction)).toMatchObject({ ...REPLACED, label: 'save' });
    expect(told).toEqual([]);
  });

  it('is deleted is noticed within 100 ms where only a crash of the process is to be survived', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock, durability: 'normal' });
    const { database } = temporary;
    const save = (): Promise<unknown> => database.write('save', (tx) => tx.run('INSERT INTO guarded VALUES (1)'));
    for (let i = 0; i < 5; i++) {
      await save();
      await clock.advance(70);
    }
    rmSync(temporary.path);
    const outcomes: unknown[] = [];
    for (let i = 0; i < 10; i++) {
      outcomes.push(await save().catch((error: unknown) => error));
      await clock.advance(10);
    }
    const noticed = outcomes.findIndex((outcome) => outcome instanceof Error);
    expect(outcomes[noticed]).toMatchObject(REPLACED);
    expect(
      outcomes.slice(noticed + 1).every((outcome) => (outcome as { code?: string }).code === 'HIVEDB_E_FENCED'),
    ).toBe(true);
  });

  it('is missing is not made anew while its log is still there', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await killedShop(path);
    rmSync(path);
    const before = pictureOf(directory.path);
    const databases = { orders: sqlite({ path, migrations: [SHOP] }) };
    await using service = await openDatabaseService({ app: 'test', presence: false, databases });
    expect(await rejectionOf(service.database('orders').write('use', () => 1))).toMatchObject({
      code: 'HIVEDB_E_NOT_A_DATABASE',
      advice: expect.stringContaining('restore') as string,
    });
    expect(pictureOf(directory.path)).toEqual(before);
    expect(readdirSync(directory.path)).not.toContain('orders.db');
  });
});

describe('a log that is deleted while its file is in use', () => {
  it('costs nothing where the service is closed: not before, not after, and not though others were turned away', async () => {
    // A clock that stands still: nobody looks at the log in between.
    await using temporary = await shop({ clock: new VirtualClock() });
    const { database, path, service } = temporary;
    const save = (name: string): Promise<unknown> =>
      database.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', name));
    await save('before');
    rmSync(`${path}-wal`);
    await save('after');
    await using other = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0] }) };
       await using service = await openDatabaseService({ app: 'other', presence: false, databases });
       say(service.database('orders').snapshot().failure?.code ?? 'open');
       goDeaf();`,
      path,
    );
    expect(await other.hear()).toBe('HIVEDB_E_IO');
    expect(await other.end()).toEqual({ code: 0, stderr: '' });
    await service.close();
    const again = sqlite({ path, migrations: [SHOP] });
    await using reopened = await openDatabaseService({ app: 'test', presence: false, databases: { again } });
    expect(itemsOf(reopened.database('again'))).toEqual(['before', 'after']);
  });

  it('is noticed within 100 ms, and nothing more is written to it', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database, path, service } = temporary;
    const save = (name: string): Promise<unknown> =>
      database.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', name));
    await save('before');
    await using session = await database.session('look');
    rmSync(`${path}-wal`);
    await clock.advance(100);
    expect(await rejectionOf(save('after'))).toMatchObject({
      code: 'HIVEDB_E_FILE_REPLACED',
      message: expect.stringContaining('-wal was deleted or replaced; nothing more is written') as string,
      advice: expect.stringContaining('do not kill the process') as string,
    });
    expect(await rejectionOf(save('later'))).toMatchObject({ code: 'HIVEDB_E_FENCED' });
    // Who reads goes on; whoever would open a connection now would make a log that knows nothing of ours.
    expect(await session.connection.all('SELECT name FROM item')).toEqual([{ name: 'before' }]);
    expect(outcomeOf(() => itemsOf(database))).toMatchObject({ code: 'HIVEDB_E_FILE_REPLACED' });
    expect(existsSync(`${path}-wal`)).toBe(false);
    await session.close();
    await service.close();
    const again = sqlite({ path, migrations: [SHOP] });
    await using reopened = await openDatabaseService({ app: 'test', presence: false, databases: { again } });
    expect(itemsOf(reopened.database('again'))).toEqual(['before']);
  });

  it('is not missed where a new connection that writes has made a new one', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    for (const name of ['a', 'b', 'c']) {
      await database.flush('all');
      await clock.advance(100);
      await database.read('look first', (c) => c.all('SELECT name FROM item'));
      await database.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', name));
    }
    expect(itemsOf(database)).toEqual(['a', 'b', 'c']);
  });
});
