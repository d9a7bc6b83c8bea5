import { openDatabaseService, sqlite } from '@hive/shared-db';
import { openDirect } from '@hive/shared-db/direct';
import { temporaryDatabase, temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';

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
