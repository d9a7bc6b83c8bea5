import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { fakeDatabase, passUntilSettled } from '../support/fake-database.ts';
import { shop } from '../support/shop.ts';

describe('the snapshot of a service', () => {
  it('says who holds the writer, and for how long', async () => {
    const clock = new VirtualClock();
    await using file = await shop({ clock });
    const { database } = file;
    expect(database.snapshot().lane).toMatchObject({ waiting: 0, running: 0, oldestWaitMs: 0, writer: undefined });
    const opened = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    const moving = database.transaction('move stock', async (tx) => {
      await tx.run("INSERT INTO item (name) VALUES ('a')");
      opened.resolve(undefined);
      await release.promise;
    });
    await opened.promise;
    await clock.advance(250);
    const waiting = database.write('save order', (tx) => tx.run("INSERT INTO item (name) VALUES ('b')"));
    await clock.advance(500);
    expect(database.snapshot().lane).toMatchObject({
      waiting: 1,
      running: 1,
      oldestWaitMs: 500,
      writer: { label: 'move stock', heldMs: 750, lockedMs: 750, changedMs: 750 },
    });
    release.resolve(undefined);
    await Promise.all([moving, waiting]);
    expect(database.snapshot().lane.writer).toBeUndefined();
  });

  it('says since when a transaction has the lock, and since when it has changed something', async () => {
    const clock = new VirtualClock();
    await using file = await shop({ clock });
    const { database } = file;
    const writer = (): unknown => database.snapshot().lane.writer;
    await database.transaction('move stock', async (tx) => {
      await clock.advance(100);
      await tx.all('SELECT * FROM item');
      await tx.run("UPDATE item SET name = 'nobody' WHERE id = 1");
      await clock.advance(100);
      expect(writer()).toEqual({ label: 'move stock', heldMs: 200, lockedMs: 200, changedMs: undefined });
      await tx.transaction((part) => part.run("INSERT INTO item (name) VALUES ('a')"));
      await clock.advance(100);
      await tx.run("INSERT INTO item (name) VALUES ('b')");
      expect(writer()).toEqual({ label: 'move stock', heldMs: 300, lockedMs: 300, changedMs: 100 });
    });
    await database.transaction('next', () => {
      expect(writer()).toMatchObject({ label: 'next', lockedMs: 0, changedMs: undefined });
      return Promise.resolve();
    });
  });

  it('says how long the holder of a session asked for, until it ends', async () => {
    const clock = new VirtualClock();
    await using file = await shop({ clock });
    const { database, service } = file;
    const long = await database.session('nightly import', { timeoutMs: 600_000, leakAfterMs: 600_000 });
    await clock.advance(31_000);
    expect(database.leases()).toMatchObject([{ owner: 'nightly import', ageMs: 31_000, allowedMs: 600_000 }]);
    expect(service.verdict().status).toBe('pass');

    const forgotten = await database.session('forgotten');
    await clock.advance(31_000);
    expect(database.leases().map(({ allowedMs }) => allowedMs)).toEqual([600_000, undefined]);
    expect(service.verdict().reasons.map(({ evidence }) => evidence)).toEqual([
      '1 lease held and not used for long: "forgotten" for 31 s',
    ]);
    await long.close();
    await forgotten.close();
    // The same connection, lent again: what the last holder asked for is not the next one's.
    await using next = await database.session('next');
    expect(database.leases()).toMatchObject([{ owner: next.label, allowedMs: undefined }]);
  });

  it('says how long a transaction asked for, on the connections that read as well where those also write', async () => {
    for (const singleWriter of [true, false]) {
      await using fake = await fakeDatabase({ singleWriter });
      const { clock, database } = fake;
      const opened = Promise.withResolvers<undefined>();
      const release = Promise.withResolvers<undefined>();
      const moving = database.transaction(
        'move stock',
        async () => {
          opened.resolve(undefined);
          await release.promise;
        },
        { limitMs: 90_000, idleLimitMs: 90_000 },
      );
      await passUntilSettled(clock, opened.promise);
      expect(database.leases()).toMatchObject([{ owner: 'move stock', allowedMs: 90_000 }]);
      release.resolve(undefined);
      await passUntilSettled(clock, moving);
      expect(database.leases()).toEqual([]);
    }
  });

  it('has the thresholds that the process is judged by', async () => {
    using directory = temporaryDirectory();
    await using service = await openDatabaseService({
      app: 'shop',
      presence: false,
      thresholds: { leaseMs: 5_000 },
      databases: { orders: sqlite({ path: directory.file('orders.db') }) },
    });
    expect(service.snapshot().thresholds).toEqual({ ...service.settings.thresholds, leaseMs: 5_000 });
  });

  it('says what holds for its connections, and what its server allows, as far as the driver knows', async () => {
    const server = { name: 'db:5432', maxConnections: 100, idleLimitMs: undefined };
    await using fake = await fakeDatabase({ server, recycleMs: 60_000, acquireTimeoutMs: 500 });
    expect(fake.database.snapshot().limits).toEqual({ acquireTimeoutMs: 500, recycleMs: 60_000, server });
    await using file = await shop();
    expect(file.database.snapshot().limits).toEqual({ acquireTimeoutMs: 10_000, recycleMs: 0, server: undefined });
  });
});
