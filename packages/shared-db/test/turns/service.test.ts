import { openDatabaseService, sqlite } from '@hive/shared-db';
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

describe('who reads', () => {
  it('waits for no turn to write and takes none, whatever others do with the lock', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('shared.db');
    const runtimeDirectory = directory.file('run');
    await using service = await openDatabaseService({
      app: 'shop',
      runtimeDirectory,
      databases: {
        shared: sqlite({
          path,
          migrations: [{ id: 1, name: 'entries', sql: 'CREATE TABLE entry (id INTEGER PRIMARY KEY, pid INTEGER)' }],
        }),
      },
    });
    const database = service.database('shared');
    const taker = await turnTaker(path, runtimeDirectory);
    try {
      // From now on it hears what others do.
      await database.write('add', (tx) => tx.run('INSERT INTO entry (pid) VALUES (0)'));
      while (database.snapshot().turns?.mode !== 'arbiter') await setImmediate();
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
    } finally {
      await taker.kill();
    }
  });
});
