import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { openDatabaseService, sqlite, type Migration } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/clerk.ts';
import { companion } from '../support/companion.ts';
import { canFailDisks, failDisk } from '../support/failing-disk.ts';
import { rejectionOf } from '../support/outcome.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { SHOP } from '../support/shop.ts';

const NAMED: Migration = {
  id: 2,
  name: 'names are given',
  sql: 'CREATE TABLE label (name TEXT NOT NULL); INSERT INTO label SELECT name FROM item',
};

/** Writes nonsense over a part of a file, from another process: in this one it would drop the locks of SQLite. */
function damage(path: string, fromPage: number, pages: number): void {
  const to = [`of=${path}`, 'bs=4096', `seek=${fromPage}`, `count=${pages}`, 'conv=notrunc'];
  execFileSync('dd', ['if=/dev/urandom', ...to], { stdio: 'ignore' });
}

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
    // It had to leave its place, and is forgotten with it.
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

/** Has tenants, one at a time, without a directory in which processes meet; does what it is told, a line each. */
const LANDLORD = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const [dataDirectory, sql] = args;
  const databases = { 'tenant-*': sqlite({ path: '*.db', mostOpen: 1, migrations: [{ id: 1, name: 'shop', sql }] }) };
  const service = await openDatabaseService({ app: 'landlord', presence: false, dataDirectory, databases });
  const write = (part, sql) => service.database('tenant-' + part).write('write', (tx) => void tx.run(sql)).then(() => 'written');
  const statuses = () => service.snapshot().databases.map(({ name, status }) => name + ' ' + status);
  const fenced = () => service.verdict().reasons.filter(({ code }) => code === 'fenced').map(({ database, evidence }) => database + ': ' + evidence);
  for (let line; (line = await hear()) !== undefined; )
    say(JSON.stringify(await eval('(async () => (' + line + '))()').catch(({ code }) => code)));
`;
const FILL =
  "write('a', \"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) INSERT INTO item (name) SELECT i || '-' || hex(zeroblob(50)) FROM n\")";
const SAVE_A = "write('a', 'INSERT INTO guarded VALUES (1)')";

describe('one database by pattern that is fenced', () => {
  it('is verified before it is written again, also where it was closed for another and nobody else knows of it', async ({
    skip,
  }) => {
    skip(!canFailDisks(), 'the size of files cannot be limited here');
    using directory = temporaryDirectory();
    await using other = companion(LANDLORD, directory.path, SHOP.sql ?? '');
    expect(await ask(other, FILL)).toBe('written');
    // Everything is in the file when it is opened next, and some of it is nonsense then.
    expect([await ask(other, "write('b', 'INSERT INTO guarded VALUES (1)')"), await ask(other, SAVE_A)]).toEqual([
      'written',
      'written',
    ]);
    damage(directory.file('a.db'), 12, 4);
    failDisk(other.pid, 4_096);
    expect(await ask(other, SAVE_A)).toBe('HIVEDB_E_OUTCOME_UNKNOWN');
    failDisk(other.pid);
    expect(await ask(other, 'statuses()')).toEqual(['tenant-a fenced']);
    expect(await ask(other, "write('b', 'INSERT INTO guarded VALUES (2)')")).toBe('written');
    // That it was closed for another has changed nothing of what is wrong with its file.
    const closed = [expect.stringMatching(/^tenant-a: it was closed, .* nobody has verified its file since$/)];
    expect([await ask(other, 'statuses()'), await ask(other, 'fenced()')]).toEqual([['tenant-b open'], closed]);
    expect(await ask(other, SAVE_A)).toBe('HIVEDB_E_CORRUPT');
    expect(await ask(other, "write('b', 'INSERT INTO guarded VALUES (3)')")).toBe('written');
    expect(await ask(other, 'fenced()')).toEqual(closed);
    rmSync(directory.file('a.db'));
    expect(await ask(other, 'fenced()')).toEqual([]);
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
