import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  openDatabaseService,
  sqlite,
  type DatabaseDefinition,
  type DatabaseService,
  type SqliteDatabase,
} from '@hive/shared-db';
import { systemClock, type Clock } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { ask, clerk, COUNT, SAVE } from './support/clerk.ts';
import { companion, type Companion } from './support/companion.ts';
import { pictureOf } from './support/directory-picture.ts';
import { canFailDisks, failDisk } from './support/failing-disk.ts';
import { passUntilSettled } from './support/fake-database.ts';
import { holdRepair } from './support/held-repair.ts';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { raiseFence } from './support/raised-fence.ts';
import { itemsOf, shop } from './support/shop.ts';

const NO_FAULTS = 'the size of files cannot be limited here';

/** The companion's disk breaks; what its next write is told. */
function breakDisk(other: Companion, path: string): Promise<unknown> {
  failDisk(other.pid, statSync(`${path}-wal`).size);
  return ask(other, SAVE);
}

const UNKNOWN = {
  code: 'HIVEDB_E_OUTCOME_UNKNOWN',
  message: expect.stringContaining('read back whether the rows are there') as string,
  cause: 'SQLITE_IOERR_WRITE',
};
const FENCED = expect.objectContaining({
  code: 'HIVEDB_E_FENCED',
  message: expect.stringContaining('reads go on') as string,
}) as unknown;

/** Writes nonsense over a part of a file, from another process: in this one it would drop the locks of SQLite. */
function damage(path: string, fromPage: number, pages: number): void {
  const to = [`of=${path}`, 'bs=4096', `seek=${fromPage}`, `count=${pages}`, 'conv=notrunc'];
  execFileSync('dd', ['if=/dev/urandom', ...to], { stdio: 'ignore' });
}

/** A closed shop of thirty pages with a thousand items. */
async function fullShop(path: string): Promise<void> {
  await using made = await shop();
  await made.database.write('fill', (tx) => {
    for (let n = 0; n < 1_000; n++) tx.run('INSERT INTO item (name) VALUES (?)', `item ${n} ${'-'.repeat(80)}`);
  });
  await made.service.close();
  copyFileSync(made.path, path);
}

type Shop = DatabaseService<{ readonly orders: DatabaseDefinition<SqliteDatabase> }>;

function openShop(path: string, runtimeDirectory: string, clock: Clock = systemClock): Promise<Shop> {
  const databases = { orders: sqlite({ path, durability: 'normal' }) };
  return openDatabaseService({ app: 'test', runtimeDirectory, databases, clock });
}

/** The command lines of all processes. */
function commands(): readonly string[] {
  const numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return numbers.map((pid) => String(outcomeOf(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))));
}

const PATIENT = { timeout: 20_000, interval: 20 };
const codeOf = ({ code }: { readonly code: string }): string => code;
const fencesIn = (runtimeDirectory: string): readonly string[] => readdirSync(`${runtimeDirectory}/fences`);

describe('a disk that fails while a process writes', () => {
  it.for<readonly [string, string]>([
    ['a write', SAVE],
    ['a transaction', "orders.transaction('save', (tx) => insert(tx, 'x'))"],
  ])('at COMMIT leaves open what became of it: %s', async ([, save], { skip }) => {
    skip(!canFailDisks(), NO_FAULTS);
    await using temporary = await shop();
    using meeting = temporaryDirectory();
    await using other = await clerk(temporary.path, meeting.path);
    expect(await ask(other, SAVE)).toBe(1);
    failDisk(other.pid, statSync(`${temporary.path}-wal`).size);
    expect(await ask(other, save)).toEqual(UNKNOWN);
  });

  it('stops its writes, also when the disk is well again and not yet verified, and its reads go on', async ({
    skip,
  }) => {
    skip(!canFailDisks(), NO_FAULTS);
    await using temporary = await shop();
    using meeting = temporaryDirectory();
    await using other = await clerk(temporary.path, meeting.path);
    await ask(other, SAVE);
    using _ = holdRepair(temporary.path, meeting.path);
    await breakDisk(other, temporary.path);
    failDisk(other.pid);
    // Word of it is for the processes of this user alone.
    expect(statSync(`${meeting.path}/fences`).mode & 0o777).toBe(0o700);
    for (const name of fencesIn(meeting.path))
      expect(statSync(`${meeting.path}/fences/${name}`).mode & 0o777).toBe(0o600);
    for (const write of [
      SAVE,
      "orders.transaction('save', (tx) => insert(tx, 'x'))",
      "orders.write('nothing', () => 1)",
    ])
      expect(await ask(other, write)).toEqual(FENCED);
    expect(await ask(other, COUNT)).toBe(1);
    expect(
      await ask(other, "orders.read('count', (c) => c.all('SELECT name FROM item')).then(({ length }) => length)"),
    ).toBe(1);
    expect(await ask(other, 'service.verdict()')).toMatchObject({
      reasons: [{ code: 'fenced', database: 'orders', evidence: expect.stringContaining('OUTCOME_UNKNOWN') as string }],
    });
    expect(itemsOf(temporary.database)).toHaveLength(1);
  });

  it('in the middle of a transaction undoes it, and those that wait behind it do not begin', async ({ skip }) => {
    skip(!canFailDisks(), NO_FAULTS);
    await using temporary = await shop();
    using meeting = temporaryDirectory();
    await using other = await clerk(temporary.path, meeting.path);
    await ask(other, SAVE);
    failDisk(other.pid, 1_000_000);
    // More than the cache holds, so that the log is written long before COMMIT.
    const outcomes = await ask(
      other,
      `Promise.all([
        orders.transaction('too much', (tx) => tx.run('INSERT INTO item (name) VALUES (zeroblob(30000000))')),
        orders.write('behind it', () => say('has begun')),
      ].map((write) => write.catch(({ code }) => code)))`.replaceAll('\n', ' '),
    );
    expect(outcomes).toEqual(['HIVEDB_E_IO', 'HIVEDB_E_FENCED']);
    expect(await ask(other, COUNT)).toBe(1);
  });

  it('stops the writes of every other process a moment later, and no reads', async ({ skip }) => {
    skip(!canFailDisks(), NO_FAULTS);
    using meeting = temporaryDirectory();
    const clock = new VirtualClock();
    await using temporary = await shop({ clock, runtimeDirectory: meeting.path });
    const { database } = temporary;
    await using other = await clerk(temporary.path, meeting.path);
    await ask(other, SAVE);
    await database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('before')"));
    await breakDisk(other, temporary.path);
    await clock.advance(100);
    for (const write of [
      database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('after')")),
      database.transaction('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('after')")),
    ])
      expect(await rejectionOf(write)).toMatchObject({
        code: 'HIVEDB_E_FENCED',
        message: expect.stringContaining('another process met an I/O error on this file') as string,
      });
    expect(itemsOf(database)).toHaveLength(2);
    expect(await database.read('go on', (c) => c.all('SELECT * FROM item'))).toHaveLength(2);
    expect(database.snapshot().status).toBe('fenced');
  });

  it('is learnt of by a process that does nothing, which says so, and writes again when the file was verified', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path });
    const { database, service } = temporary;
    using held = holdRepair(temporary.path, meeting.path);
    raiseFence(temporary.path, meeting.path);
    await expect
      .poll(() => service.verdict().reasons, { timeout: 10_000 })
      .toEqual([
        expect.objectContaining({
          code: 'fenced',
          evidence: expect.stringMatching(
            /another process met an I\/O error .*; another process verifies it now$/,
          ) as string,
        }),
      ]);
    held[Symbol.dispose]();
    await expect.poll(() => database.snapshot().status, { timeout: 10_000 }).toBe('open');
    expect(fencesIn(meeting.path)).toEqual([]);
  });

  it('is remembered when the process is killed, until the file has been opened again and verified', async ({
    skip,
  }) => {
    skip(!canFailDisks(), NO_FAULTS);
    await using temporary = await shop();
    using meeting = temporaryDirectory();
    await using other = await clerk(temporary.path, meeting.path);
    await ask(other, SAVE);
    await breakDisk(other, temporary.path);
    await other.kill();
    await temporary.service.close();
    expect(fencesIn(meeting.path)).toHaveLength(1);
    await using service = await openShop(temporary.path, meeting.path);
    expect(fencesIn(meeting.path)).toEqual([]);
    const orders = service.database('orders');
    await orders.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('after')"));
    expect(itemsOf(orders)).toContain('after');
  });
});

describe('a database whose file is to be verified', () => {
  it('is read elsewhere on new connections meanwhile, and afterwards, in threads and in processes', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path, offloadWorkers: 1 });
    const { database, path } = temporary;
    const save = (): Promise<unknown> =>
      database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('x')").changes).catch(codeOf);
    const counts = (): Promise<readonly unknown[]> =>
      Promise.all(
        (['thread', 'process'] as const).map((isolation) =>
          database.offload('count', 'SELECT count(*) AS n FROM item', [], { isolation }).catch(codeOf),
        ),
      );
    expect(await counts()).toEqual([[{ n: 0 }], [{ n: 0 }]]);
    {
      using _ = holdRepair(path, meeting.path);
      raiseFence(path, meeting.path);
      await expect.poll(() => (void save(), database.snapshot().repair?.phase), PATIENT).toBe('elsewhere');
      expect(await counts()).toEqual([[{ n: 0 }], [{ n: 0 }]]);
    }
    await expect.poll(save, PATIENT).toBe(1);
    expect(await counts()).toEqual([[{ n: 1 }], [{ n: 1 }]]);
  });
});

describe('a file that is damaged', () => {
  it('is not written any more once somebody has stumbled over it, and what can be read is read', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await fullShop(path);
    damage(path, 10, 15);
    await using service = await openShop(path, directory.file('run'));
    const orders = service.database('orders');
    expect(await rejectionOf(orders.read('all', (c) => c.all('SELECT * FROM item')))).toMatchObject({
      code: 'HIVEDB_E_CORRUPT',
      retryable: false,
      advice: expect.stringContaining('restore a backup') as string,
    });
    expect(await rejectionOf(orders.write('save', (tx) => tx.run('INSERT INTO part VALUES (1, NULL)')))).toEqual(
      FENCED,
    );
    expect(orders.readSync('parts', (c) => c.all('SELECT * FROM part'))).toEqual([]);
    expect(fencesIn(directory.file('run'))).toHaveLength(1);
  });

  it('is not written by a transaction either that had begun before somebody stumbled over it', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await fullShop(path);
    damage(path, 10, 15);
    await using service = await openShop(path, directory.file('run'));
    const orders = service.database('orders');
    const saved = orders.transaction('save', async (tx) => {
      await tx.run('INSERT INTO part VALUES (1, NULL)');
      await rejectionOf(orders.read('all', (c) => c.all('SELECT * FROM item')));
    });
    expect(await rejectionOf(saved)).toEqual(FENCED);
    expect(orders.readSync('parts', (c) => c.all('SELECT * FROM part'))).toEqual([]);
  });

  it('is never opened for writing again until it is repaired, and is left as it is', async () => {
    using directory = temporaryDirectory();
    using meeting = temporaryDirectory();
    const path = directory.file('orders.db');
    await fullShop(path);
    damage(path, 10, 15);
    raiseFence(path, meeting.path);
    const before = pictureOf(directory.path)['orders.db'];
    for (let attempt = 0; attempt < 2; attempt++) {
      await using service = await openShop(path, meeting.path);
      for (const use of [
        service.database('orders').write('save', () => 1),
        service.database('orders').read('look', () => Promise.resolve(1)),
      ])
        expect(await rejectionOf(use)).toMatchObject({
          code: 'HIVEDB_E_CORRUPT',
          message: expect.stringContaining('did not pass its check after an I/O error') as string,
          advice: expect.stringContaining('the file was not touched') as string,
        });
    }
    expect(pictureOf(directory.path)['orders.db']).toEqual(before);
    expect(fencesIn(meeting.path)).toHaveLength(1);
    await fullShop(path);
    await using service = await openShop(path, meeting.path);
    await service.database('orders').write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('repaired')"));
  });
});

describe('a file that is no database', () => {
  it('is said to be none however often it is tried, and is opened once there is one in its place', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    writeFileSync(path, 'this is no database');
    const clock = new VirtualClock();
    const opening = openDatabaseService({
      app: 'shop',
      presence: false,
      clock,
      databases: { orders: sqlite({ path }) },
    });
    await passUntilSettled(clock, opening);
    await using service = await opening;
    const save = async (): Promise<unknown> => {
      const outcome = service
        .database('orders')
        .write('save', () => 'saved')
        .catch((error: unknown) => error);
      await passUntilSettled(clock, outcome);
      return outcome;
    };
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await save()).toMatchObject({ code: 'HIVEDB_E_NOT_A_DATABASE' });
      await clock.advance(60_000);
    }
    rmSync(path);
    expect(await save()).toBe('saved');
  });
});

describe('verifying', () => {
  it('finds also what does not let it begin, and says it in one sentence', async () => {
    using directory = temporaryDirectory();
    using meeting = temporaryDirectory();
    const path = directory.file('orders.db');
    await fullShop(path);
    damage(path, 0, 1);
    raiseFence(path, meeting.path);
    await using service = await openShop(path, meeting.path);
    expect(await rejectionOf(service.database('orders').write('save', () => 1))).toMatchObject({
      code: 'HIVEDB_E_CORRUPT',
      message: expect.stringMatching(/^[^\n]*: the file is not a SQLite database[^\n]*$/) as string,
    });
  });

  it.for([
    ['cannot be done', '/nowhere/node'],
    ['is answered with something else', '/bin/echo'],
  ])('that %s says nothing about the file: it stays fenced, and is verified at the next use', async ([, program]) => {
    await using made = await shop();
    await made.service.close();
    using meeting = temporaryDirectory();
    const clock = new VirtualClock();
    raiseFence(made.path, meeting.path);
    const { execPath } = process;
    process.execPath = program!;
    using _ = { [Symbol.dispose]: () => (process.execPath = execPath) };
    await using service = await openShop(made.path, meeting.path, clock);
    const save = (): Promise<unknown> => service.database('orders').write('save', () => 'saved');
    expect(await rejectionOf(save())).toMatchObject({
      code: 'HIVEDB_E_FENCED',
      message: expect.stringContaining('could not be checked after an I/O error') as string,
    });
    expect(fencesIn(meeting.path)).toHaveLength(1);
    process.execPath = execPath;
    await clock.advance(1_000);
    expect(await save()).toBe('saved');
    expect(fencesIn(meeting.path)).toEqual([]);
  });

  it('is done by another process, and the event loop turns meanwhile', async () => {
    await using made = await shop();
    await made.service.close();
    using meeting = temporaryDirectory();
    raiseFence(made.path, meeting.path);
    // Whoever verifies has to wait for this one; if it were this process, nobody would tell the holder to let go.
    await using holder = companion(
      `const { DatabaseSync } = await import('node:sqlite');
       const database = new DatabaseSync(args[0]);
       database.exec('PRAGMA locking_mode = EXCLUSIVE');
       database.exec("INSERT INTO item (name) VALUES ('alone')");
       say('holding');
       await hear();
       database.close();
       goDeaf();`,
      made.path,
    );
    expect(await holder.hear()).toBe('holding');
    const opening = openShop(made.path, meeting.path);
    await expect
      .poll(() => commands().filter((command) => command.includes('verify-file') && command.includes(made.path)), {
        timeout: 10_000,
      })
      .toHaveLength(1);
    expect(fencesIn(meeting.path)).toHaveLength(1);
    holder.say('let go');
    await using service = await opening;
    expect(fencesIn(meeting.path)).toEqual([]);
    expect(itemsOf(service.database('orders'))).toEqual(['alone']);
  });
});
