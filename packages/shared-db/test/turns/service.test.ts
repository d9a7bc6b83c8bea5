import { openDatabaseService, sqlite, type DatabaseError } from '@hive/shared-db';
import { openDirect } from '@hive/shared-db/direct';
import { temporaryDatabase, temporaryDirectory } from '@hive/shared-db/testing';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { turnTaker } from '../support/turn-taker.ts';

const INSERT = 'INSERT INTO item VALUES (1)';
const migrations = [{ id: 1, name: 'items', sql: 'CREATE TABLE item (n INTEGER)' }];

describe('a database says how it comes by its turns', () => {
  it('none are needed before it has met anybody', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await temporaryDatabase({ migrations, runtimeDirectory: meeting.path });
    expect(temporary.database.snapshot().turns).toMatchObject({ mode: 'alone', reason: undefined, polled: 0 });
  });

  it('they cannot be had where other processes may not find this one', async () => {
    await using temporary = await temporaryDatabase({ migrations });
    await temporary.database.write('save', (tx) => tx.run(INSERT));
    expect(temporary.database.snapshot().turns).toMatchObject({ mode: 'polling', reason: 'presence is switched off' });
    expect(temporary.service.verdict().status).toBe('pass');
  });

  it('nor where there is no place to meet', async () => {
    using directory = temporaryDirectory();
    await using service = await openDatabaseService({
      app: 'shop',
      runtimeDirectory: '/proc/nowhere',
      databases: { orders: sqlite({ path: directory.file('orders.db'), migrations, durability: 'normal' }) },
    });
    expect(service.database('orders').snapshot().turns).toMatchObject({
      mode: 'polling',
      reason: 'there is no usable runtime directory',
    });
  });

  it('nor without a service', async () => {
    using directory = temporaryDirectory();
    await using database = await openDirect({ name: 'orders', path: directory.file('orders.db'), migrations });
    expect(database.snapshot().turns).toMatchObject({ mode: 'polling', reason: 'it is used without the service' });
  });
});

/** A service that is the arbiter, and another process that takes turns at its file. */
async function neighbours() {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(temporaryDirectory());
  const path = directory.file('shared.db');
  const runtimeDirectory = directory.file('run');
  const entries = { id: 1, name: 'entries', sql: 'CREATE TABLE entry (id INTEGER PRIMARY KEY, pid INTEGER)' };
  const databases = { shared: sqlite({ path, durability: 'normal', migrations: [entries] }) };
  const service = stack.use(await openDatabaseService({ app: 'shop', runtimeDirectory, databases }));
  const database = service.database('shared');
  const taker = stack.use(await turnTaker(path, runtimeDirectory));
  // From now on it hears what others do.
  await database.write('add', (tx) => tx.run('INSERT INTO entry (pid) VALUES (0)'));
  while (database.snapshot().turns?.mode !== 'arbiter') await setImmediate();
  return { database, taker, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('who stands still with its turn and without the lock', () => {
  it('is named to those whose time is up, and passed over after a second, however little time each of them has', async () => {
    await using meeting = await neighbours();
    const { database, taker } = meeting;
    taker.say('keep');
    expect(await taker.hear()).toBe('kept');
    taker.signal('SIGSTOP');
    const failures: DatabaseError[] = [];
    const save = (): Promise<boolean> =>
      database
        .write('add', (tx) => tx.run('INSERT INTO entry (pid) VALUES (1)'), { timeoutMs: 300 })
        .then(() => true)
        .catch((error: DatabaseError) => {
          failures.push(error);
          return false;
        });
    const named = (): DatabaseError | undefined =>
      failures.find(({ culprits }) => culprits.some(({ pid }) => pid === taker.pid));
    // It may not have heard of that turn yet.
    for (let tries = 0; named() === undefined && tries < 10_000; tries++) await save();
    expect(named()).toMatchObject({
      code: 'HIVEDB_E_TURN_TIMEOUT',
      message: expect.stringContaining(`process ${taker.pid} (`) as string,
    });
    let late = 0;
    while (late < 10 && !(await save())) late++;
    expect(late).toBeLessThan(10);
  });
});

/** Has the lock for so long. */
function hold(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

describe('who writes long transactions', () => {
  it('gives its turn on while the last of them runs', async () => {
    await using meeting = await neighbours();
    const { database, taker } = meeting;
    /** How many turns it had had at each write, and whether that was in one. */
    const seen: { readonly granted: number; readonly held: boolean }[] = [];
    taker.say('write 500');
    const wish = { isOver: false };
    void taker.hear().then(() => (wish.isOver = true));
    while (!wish.isOver)
      await database.write('add', (tx) => {
        tx.run('INSERT INTO entry (pid) VALUES (1)');
        const { granted = 0, heldMs } = database.snapshot().turns ?? {};
        seen.push({ granted, held: heldMs !== undefined });
        hold(2);
      });
    const ahead = seen.filter(
      ({ granted, held }, at) => !held && seen[at - 1]?.held === true && seen[at - 1]?.granted === granted,
    );
    expect(ahead.length).toBeGreaterThan(2);
  });
});

describe('who reads', () => {
  it('waits for no turn to write and takes none, whatever others do with the lock', async () => {
    await using meeting = await neighbours();
    const { database, taker } = meeting;
    taker.say('hold');
    await taker.hear();
    const count = 'SELECT count(*) AS n FROM entry';
    const options = { timeoutMs: 2_000 };
    // It has heard of the holder by the last one, if not by the first.
    for (let i = 0; i < 200; i++) {
      expect(await database.read('count', (c) => c.get(count), options)).toEqual({ n: 1 });
      await setImmediate();
    }
    expect(await database.offload('count', count, [], options)).toEqual([{ n: 1 }]);
    expect(database.snapshot().turns).toMatchObject({ granted: 0, polled: 0, waiting: 0 });
  });
});
