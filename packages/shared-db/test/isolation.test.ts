import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  openDatabaseService,
  sqlite,
  type DatabaseDefinition,
  type DatabaseService,
  type SqliteDatabase,
} from '@hive/shared-db';
import { temporaryDirectory, VirtualClock, type TemporaryDirectory } from '@hive/shared-db/testing';
import { companion } from './support/companion.ts';
import { passUntilSettled } from './support/fake-database.ts';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { SHOP } from './support/shop.ts';

/** Two databases of one service in a time that the test moves: one to which something happens, and one that must not notice. */
interface Pair extends AsyncDisposable {
  readonly directory: TemporaryDirectory;
  readonly clock: VirtualClock;
  readonly service: DatabaseService<{
    readonly troubled: DatabaseDefinition<SqliteDatabase>;
    readonly orders: DatabaseDefinition<SqliteDatabase>;
  }>;
  readonly troubled: SqliteDatabase;
}

async function pair(): Promise<Pair> {
  const directory = temporaryDirectory();
  const clock = new VirtualClock();
  const fileOf = (name: string): DatabaseDefinition<SqliteDatabase> =>
    sqlite({ path: directory.file(name), migrations: [SHOP], poolSize: 1, required: name === 'orders.db' });
  const databases = { troubled: fileOf('troubled.db'), orders: fileOf('orders.db') };
  const service = await openDatabaseService({ app: 'test', presence: false, databases, clock });
  return {
    directory,
    clock,
    service,
    troubled: service.database('troubled'),
    [Symbol.asyncDispose]: async () => {
      await passUntilSettled(clock, service.close({ graceMs: 0 }));
      directory[Symbol.dispose]();
    },
  };
}

/** Everything that can be done with the other database, at once and without a moment passing; its part of health is clean. */
async function expectUntouched({ service }: Pair): Promise<void> {
  const orders = service.database('orders');
  const { changes } = await orders.write('save', (tx) =>
    tx.run("INSERT INTO item (name) VALUES ('x') ON CONFLICT DO UPDATE SET name = 'x'"),
  );
  expect(changes).toBe(1);
  expect(await orders.transaction('save', (tx) => tx.get('SELECT 1 AS one'))).toEqual({ one: 1 });
  expect(await orders.read('look', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
  expect(orders.readSync('look', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
  const session = await orders.session('look');
  await session.close();
  expect(orders.snapshot()).toMatchObject({ status: 'open', counters: { errors: {} }, pool: { waiting: 0 } });
  expect(service.verdict().reasons.filter(({ database }) => database !== 'troubled')).toEqual([]);
}

const never = (): Promise<never> => new Promise(() => undefined);

describe('the other databases of a service work on, and their health is clean, when one', () => {
  it('has all its connections taken and callers waiting, who run out of time', async () => {
    await using both = await pair();
    const { troubled, clock } = both;
    void rejectionOf(troubled.read('hold', never));
    void rejectionOf(troubled.transaction('hold', never, { limitMs: 60_000, idleLimitMs: 60_000 }));
    await clock.settle();
    const limit = { timeoutMs: 1_000 };
    const waiting = [troubled.read('wait', never, limit), troubled.write('wait', () => 1, limit)].map(rejectionOf);
    await expectUntouched(both);
    await clock.advance(1_000);
    expect(await Promise.all(waiting)).toMatchObject([
      { code: 'HIVEDB_E_POOL_TIMEOUT' },
      { code: 'HIVEDB_E_POOL_TIMEOUT' },
    ]);
    await expectUntouched(both);
    // The next look that the service takes at itself.
    await clock.advance(1_000);
    expect(both.service.verdict().reasons).toMatchObject([{ code: 'timeouts', database: 'troubled' }]);
  });

  it('waits for the lock of another process', async () => {
    await using both = await pair();
    const { troubled, clock, directory } = both;
    await using holder = companion(
      `const { DatabaseSync } = await import('node:sqlite');
       new DatabaseSync(args[0]).exec('BEGIN IMMEDIATE');
       say('holding');
       await hear();`,
      directory.file('troubled.db'),
    );
    expect(await holder.hear()).toBe('holding');
    const waiting = rejectionOf(troubled.write('save', () => 1, { timeoutMs: 50 }));
    await expectUntouched(both);
    await clock.advance(60);
    expect(await waiting).toMatchObject({ code: 'HIVEDB_E_BUSY_TIMEOUT', database: 'troubled' });
    await expectUntouched(both);
  });

  it('has been replaced by another file and is fenced', async () => {
    await using both = await pair();
    rmSync(both.directory.file('troubled.db'));
    expect(await rejectionOf(both.troubled.write('save', () => 1))).toMatchObject({ code: 'HIVEDB_E_FILE_REPLACED' });
    expect(both.service.verdict()).toMatchObject({
      status: 'warn',
      reasons: [{ database: 'troubled', code: 'fenced' }],
    });
    await expectUntouched(both);
  });

  it('is damaged', async () => {
    await using both = await pair();
    const { troubled, directory } = both;
    await troubled.write('fill', (tx) => {
      for (let n = 0; n < 2_000; n++) tx.run('INSERT INTO item (name) VALUES (?)', `item ${n} ${'-'.repeat(80)}`);
    });
    // Ten thousand pages more, and what was before is in the file itself and not in the log any more.
    for (let n = 0; n < 3; n++)
      await troubled.write('fill', (tx) => tx.run('INSERT INTO item (name) VALUES (randomblob(6000000))'));
    const where = [`of=${directory.file('troubled.db')}`, 'bs=4096', 'seek=5', 'count=40', 'conv=notrunc'];
    execFileSync('dd', ['if=/dev/urandom', ...where], { stdio: 'ignore' });
    expect(outcomeOf(() => troubled.readSync('all', (c) => c.all('SELECT * FROM item')))).toMatchObject({
      code: 'HIVEDB_E_CORRUPT',
      database: 'troubled',
    });
    expect(troubled.snapshot().status).toBe('fenced');
    await expectUntouched(both);
  });

  it('throws from the callbacks of its callers, or is flushed and suspended', async () => {
    await using both = await pair();
    const { troubled } = both;
    await troubled.write('save', (tx) => {
      tx.afterCommit(() => {
        throw new Error('mine');
      });
    });
    const held = await troubled.session('held');
    await troubled.flush('all');
    troubled.suspend();
    void rejectionOf(troubled.read('wait', never));
    await expectUntouched(both);
    expect(await rejectionOf(held.connection.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
  });
});
