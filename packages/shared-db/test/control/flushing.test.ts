import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SqliteConnection } from '../../dist/sqlite/connection.js';
import { SynchronousReader, type SynchronousReaderHost } from '../../dist/sqlite/synchronous-reader.js';
import { fakeDatabase, passUntilSettled } from '../support/fake-database.ts';
import { rejectionOf } from '../support/outcome.ts';
import { shop } from '../support/shop.ts';
import { newLabel } from '../../dist/labels.js';

const hang = (): Promise<never> => Promise.withResolvers<never>().promise;

it('a flush of everything says in the log whom it has taken what from, and where that was asked for', async () => {
  await using fake = await fakeDatabase({ poolSize: 3 });
  const { database, clock, logger } = fake;
  const session = await database.session('import');
  const begun = [
    rejectionOf(database.read('look', () => session.connection.get('SELECT 1').then(() => database.flush('all')))),
    rejectionOf(database.transaction('move', (tx) => clock.advance(1).then(() => tx.run('INSERT 1')))),
  ];
  await passUntilSettled(clock, Promise.all(begun));
  const told = logger.lines.filter(({ level, message }) => level === 'warn' && message.includes('flush'));
  expect(told.map(({ message }) => message.replace(/ for \d+ ms$/, ''))).toEqual(
    ['import', 'look', 'move'].map((label) => `flush('all') has taken a connection from "${label}", which had it`),
  );
  for (const { fields } of told)
    expect(fields).toMatchObject({
      database: 'orders',
      acquiredAt: expect.stringContaining('flushing.test') as string,
    });
  const [stale] = await Promise.all(begun);
  for (const error of [stale, await rejectionOf(session.connection.get('SELECT 1'))])
    expect((error as Error).message.split('\n')).toHaveLength(1);
  expect(String(await rejectionOf(session.connection.get('SELECT 1')))).toMatch(
    /revoked by flush\('all'\); resource \d+ is gone; it was acquired at .*flushing\.test/,
  );
});

it('a flush says where a label is used, where the place of the lease was captured after a wait and leads to nobody', async () => {
  await using fake = await fakeDatabase({
    captureEvery: 1,
    prepare: (driver) => {
      driver.fail('connect', { kind: 'SERVER_UNAVAILABLE', times: 3 });
    },
  });
  const { database, clock, logger } = fake;
  expect(database.snapshot().status).toBe('failed');
  await clock.advance(1_000);
  database.read('look', hang).catch(() => undefined);
  await clock.advance(100);
  await passUntilSettled(clock, database.flush('all'));
  const [told] = logger.lines.filter(({ message }) => message.includes('flush'));
  expect(told?.fields).toMatchObject({
    label: 'look',
    acquiredAt: expect.stringContaining('flushing.test') as string,
    stack: expect.not.stringContaining('flushing.test') as string,
  });
});

it('a flush of everything tells who is just beginning that his connection was taken away', async () => {
  await using fake = await fakeDatabase({ singleWriter: true });
  const { database, clock, driver } = fake;
  driver.delay('begin', 50);
  const begun = [
    rejectionOf(database.read('look', (c) => c.get('SELECT 1'))),
    rejectionOf(database.transaction('move', (tx) => tx.run('INSERT 1'))),
  ];
  await clock.settle();
  await passUntilSettled(clock, database.flush('all'));
  await passUntilSettled(clock, Promise.all(begun));
  for (const error of await Promise.all(begun))
    expect(error).toMatchObject({
      code: 'HIVEDB_E_LEASE_STALE',
      message: expect.stringContaining("revoked by flush('all')") as string,
    });
  expect(driver.committed).toEqual([]);
});

it('a flush of everything takes the writer away at once, also while a reader does not close', async () => {
  await using fake = await fakeDatabase({ singleWriter: true });
  const { database, clock, driver } = fake;
  await passUntilSettled(clock, database.session('reading'));
  const begun = Promise.withResolvers<undefined>();
  const never = Promise.withResolvers<undefined>();
  const taken = rejectionOf(
    database.transaction(
      'writing',
      async () => {
        begun.resolve(undefined);
        await never.promise;
      },
      { limitMs: 600_000, idleLimitMs: 600_000 },
    ),
  );
  await begun.promise;
  driver.delay('close', 4_000);
  const flushed = database.flush('all');
  expect(database.leases()).toEqual([]);
  await passUntilSettled(clock, flushed);
  expect((await flushed).revoked.map(({ owner }) => owner)).toEqual(['reading', 'writing']);
  never.resolve(undefined);
  await passUntilSettled(clock, taken);
  expect(await taken).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE', label: 'writing' });
});

it('a flush says whom it has taken the writer from while a reader does not close', async () => {
  await using fake = await fakeDatabase({ singleWriter: true });
  const { database, clock, driver, logger } = fake;
  const session = await database.session('reading');
  database.transaction('writing', hang, { limitMs: 600_000, idleLimitMs: 600_000 }).catch(() => undefined);
  await clock.settle();
  const closed = Promise.withResolvers<undefined>();
  for (const connection of driver.connections)
    if (connection.access === 'read') connection.close = () => closed.promise;
  const flushed = database.flush('all');
  await clock.settle();
  const told = (): readonly string[] => logger.said('warn').filter((line) => line.startsWith('flush'));
  expect(told()).toEqual([expect.stringContaining('from "writing"')]);
  closed.resolve(undefined);
  await passUntilSettled(clock, flushed);
  expect(told().slice(1)).toEqual([expect.stringContaining('from "reading"')]);
  await session.close();
});

it('a flush of everything at the moment of closing takes from who does not let go, and nothing from the closing itself', async () => {
  await using temporary = await shop();
  const { database, service } = temporary;
  await database.write('make the writer', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
  await database.session('reading');
  const closing = service.close({ graceMs: 60_000 });
  const { revoked } = await database.flush('all');
  expect(revoked.map(({ owner }) => owner)).toEqual(['reading']);
  expect((await closing).forced).toEqual([]);
  // The last to close was one that can write: it has brought the log into the file, and taken it away.
  expect(existsSync(`${temporary.path}-wal`)).toBe(false);
});

it('other orders at the moment of closing are taken, and change nothing of it', async () => {
  await using temporary = await shop();
  const { database, service } = temporary;
  const session = await database.session('reading');
  const closing = service.close({ graceMs: 60_000 });
  database.suspend();
  await database.resize({ size: 8 });
  database.resume();
  expect(await database.flush('idle')).toMatchObject({ revoked: [] });
  expect(session.connection).toBeDefined();
  await expect(database.read('too late', (c) => c.all('SELECT 1'))).rejects.toMatchObject({
    code: 'HIVEDB_E_POOL_CLOSED',
  });
  await session.close();
  expect(await closing).toMatchObject({ forced: [], stuck: [] });
});

/** A reader whose connections are only counted. */
function reader() {
  const counts = { opened: 0, closed: 0 };
  const connection = { closeIterators: () => undefined, close: () => counts.closed++ } as unknown as SqliteConnection;
  const host = {
    activity: { label: () => 0 },
    failures: { passedOn: (error: unknown) => error },
    open: () => {
      counts.opened++;
      return connection;
    },
    begun: () => undefined,
  } as unknown as SynchronousReaderHost;
  return { counts, reader: new SynchronousReader(host) };
}

describe('the reader for synchronous use', () => {
  const label = newLabel('list', 1, { now: () => 0 } as never);

  it('is closed by a flush, and opened again by the next read', () => {
    const { counts, reader: synchronous } = reader();
    synchronous.read(label, () => undefined);
    synchronous.closeIdle();
    expect(counts).toEqual({ opened: 1, closed: 1 });
    synchronous.read(label, () => undefined);
    expect(counts.opened).toBe(2);
  });

  it('is not taken from under the function that uses it', () => {
    const { counts, reader: synchronous } = reader();
    synchronous.read(label, () => {
      synchronous.closeIdle();
    });
    expect(counts).toEqual({ opened: 1, closed: 0 });
  });
});
