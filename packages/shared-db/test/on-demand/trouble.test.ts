import { mkdirSync, rmdirSync } from 'node:fs';
import { openDatabaseService, sqlite, type Migration } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { companion } from '../support/companion.ts';
import { rejectionOf } from '../support/outcome.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { SHOP } from '../support/shop.ts';

const NAMED: Migration = {
  id: 2,
  name: 'names are given',
  sql: 'CREATE TABLE label (name TEXT NOT NULL); INSERT INTO label SELECT name FROM item',
};

/** Two tenants at once, each with what its items are called. */
function tenants(directory: string, migrations: readonly Migration[], logger = recordingLogger()) {
  return openDatabaseService({
    app: 'shop',
    presence: false,
    dataDirectory: directory,
    logger,
    databases: { 'tenant-*': sqlite({ path: '*.db', mostOpen: 2, migrations }) },
  });
}

const labels = (service: Awaited<ReturnType<typeof tenants>>, part: string): Promise<unknown> =>
  service.database(`tenant-${part}`).read('labels', (c) => c.all('SELECT name FROM label'));

describe('one database by pattern that cannot be opened', () => {
  it('is named to its callers, in the log and in health, and the others go on: its migration fails', async () => {
    using directory = temporaryDirectory();
    {
      await using before = await tenants(directory.path, [SHOP]);
      for (const [part, name] of [
        ['a', 'apple'],
        ['bad', null],
        ['b', 'pear'],
      ] as const)
        await before
          .database(`tenant-${part}`)
          .write('add', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', name));
    }
    const logger = recordingLogger();
    await using service = await tenants(directory.path, [SHOP, NAMED], logger);
    expect(await labels(service, 'a')).toEqual([{ name: 'apple' }]);
    const refused = await rejectionOf(labels(service, 'bad'));
    expect(refused).toMatchObject({
      code: 'HIVEDB_E_MIGRATION',
      database: 'tenant-bad',
      message: expect.stringContaining('database tenant-bad: migration 2 "names are given" failed') as string,
    });
    // Who asks again at once is told the same, and the log is not.
    expect(await rejectionOf(labels(service, 'bad'))).toMatchObject({ code: 'HIVEDB_E_MIGRATION' });
    expect(logger.lines.filter(({ level }) => level === 'error')).toMatchObject([
      {
        message: 'a database cannot be opened',
        fields: { database: 'tenant-bad', err: { code: 'HIVEDB_E_MIGRATION' } },
      },
    ]);
    expect(service.verdict()).toMatchObject({ status: 'warn', reasons: [{ code: 'failed', database: 'tenant-bad' }] });
    expect(await labels(service, 'b')).toEqual([{ name: 'pear' }]);
    expect(await labels(service, 'a')).toEqual([{ name: 'apple' }]);
    // It had to leave its place as any other.
    expect(service.verdict().reasons).toEqual([]);
  });

  it('is opened by a later call, when what was in its way has gone', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, [SHOP, NAMED]);
    mkdirSync(directory.file('a.db'));
    expect(await rejectionOf(labels(service, 'a'))).toMatchObject({ code: 'HIVEDB_E_PATH', database: 'tenant-a' });
    expect(await labels(service, 'b')).toEqual([]);
    rmdirSync(directory.file('a.db'));
    // Others in its place: it is opened anew, without the pause that one has that stays.
    expect(await Promise.all([labels(service, 'b'), labels(service, 'c')])).toEqual([[], []]);
    expect(await labels(service, 'a')).toEqual([]);
  });
});

describe('another SQLite engine in the process', () => {
  it('is warned about once, however many databases by pattern are opened', async () => {
    using directory = temporaryDirectory();
    await using other = companion(
      `import 'node:sqlite';
       import { openDatabaseService, sqlite } from '@hive/shared-db';
       const service = await openDatabaseService({ app: 'other', presence: false, dataDirectory: args[0], databases: { 'tenant-*': sqlite({ path: '*.db' }) } });
       for (const part of ['a', 'b', 'c']) await service.database('tenant-' + part).read('one', (c) => c.get('SELECT 1'));
       say(JSON.stringify(service.snapshot().warnings));
       await service.close();`,
      directory.path,
    );
    expect(JSON.parse(await other.hear())).toEqual([
      'another SQLite engine is loaded in this process: node:sqlite; never open the files of databases by pattern with it',
    ]);
  });
});
