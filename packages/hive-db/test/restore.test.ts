import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDirect } from '@hive/shared-db/direct';
import type { RestoreDocument } from '../dist/documents/backup.js';
import { setAside } from '../dist/backups/setting-aside.js';
import { copying, copyingWhile, filesIn, makeDatabase, namesIn } from './support/copies.ts';
import { startShop, startWriter } from './support/program.ts';
import { contract, misfits } from './support/schema.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const KEPT = /^orders\.db\.replaced-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/;

function documentOf(out: string): RestoreDocument {
  const document = JSON.parse(out) as RestoreDocument;
  expect(misfits(document, contract('restore'))).toEqual([]);
  return document;
}

/** A directory with a database of today, and a backup of yesterday. */
function withBackup(): Disposable & { readonly path: string; file(name: string): string } {
  const directory = temporaryDirectory();
  const file = (name: string): string => join(directory.path, name);
  makeDatabase(file('orders.db'), 'today');
  makeDatabase(file('backup.db'), 'yesterday');
  return { path: directory.path, file, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

/** A database whose log was left behind: what it holds is there and not in the file. */
async function killedDatabase(path: string, ...names: readonly string[]): Promise<void> {
  const rows = names.map((name) => `INSERT INTO item VALUES ('${name}')`);
  await using writer = await startWriter(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE item (name TEXT)', ...rows);
  await writer.kill();
}

describe('restore', () => {
  it('puts a backup where nothing is, and services open it as usual', async () => {
    using directory = temporaryDirectory();
    {
      await using shop = await startShop(directory.path);
      expect((await copying(directory.path, 'backup', 'orders', 'backup.db')).code).toBe(0);
      await shop.tell('close');
    }
    renameSync(join(directory.path, 'orders.db'), join(directory.path, 'lost.db'));
    const { code, out, err } = await copying(directory.path, 'restore', 'backup.db', 'orders.db', '--json');
    expect([code, err]).toEqual([0, '']);
    expect(documentOf(out)).toMatchObject({ outcome: 'done', kept: [], target: join(directory.path, 'orders.db') });
    await using shop = await startShop(directory.path);
    await shop.tell('ask');
  });

  it('over a database keeps that one, with its log, under a dated name, and says so', async () => {
    using directory = withBackup();
    const old = directory.file('old.db');
    await killedDatabase(old, 'in the log alone');
    for (const suffix of ['', '-wal', '-shm']) renameSync(`${old}${suffix}`, `${directory.file('orders.db')}${suffix}`);
    chmodSync(directory.file('orders.db'), 0o640);
    expect(await copying(directory.path, 'restore', 'backup.db', 'orders.db')).toMatchObject({ code: 2 });
    const { code, out } = await copying(directory.path, 'restore', 'backup.db', 'orders.db', '--replace', '--json');
    expect(code).toBe(0);
    const { kept } = documentOf(out);
    const [name = ''] = kept;
    expect(kept).toEqual([name, `${name}-wal`, `${name}-shm`]);
    expect(filesIn(directory.path).filter((one) => KEPT.test(one))).toHaveLength(1);
    expect(statSync(directory.file('orders.db'))).toMatchObject({ nlink: 1 });
    expect(statSync(directory.file('orders.db')).mode & 0o777).toBe(0o640);
    expect(namesIn(directory.file('orders.db'))).toEqual(['yesterday']);
    // The old one is a database still, with everything that was committed to it.
    expect(namesIn(name)).toEqual(['in the log alone']);
    expect(namesIn(directory.file('backup.db'))).toEqual(['yesterday']);
  });

  it('over a damaged file, or one that is none any more, keeps it as it is', async () => {
    for (const content of ['', 'rubbish', Buffer.alloc(8_192, 7)]) {
      using directory = withBackup();
      writeFileSync(directory.file('orders.db'), content);
      const { code, out } = await copying(directory.path, 'restore', 'backup.db', 'orders.db', '--replace', '--json');
      expect(code).toBe(0);
      const [name = ''] = documentOf(out).kept;
      expect(readFileSync(name)).toEqual(Buffer.from(content));
      expect(namesIn(directory.file('orders.db'))).toEqual(['yesterday']);
    }
  });

  it('takes in what only the log beside the backup holds', async () => {
    using directory = temporaryDirectory();
    await killedDatabase(join(directory.path, 'backup.db'), 'first', 'second');
    expect((await copying(directory.path, 'restore', 'backup.db', 'orders.db')).code).toBe(0);
    expect(namesIn(join(directory.path, 'orders.db'))).toEqual(['first', 'second']);
  });
});

describe('rollback on error: a restore that cannot be made', () => {
  it('of a damaged backup says so, and touches nothing', async () => {
    using directory = withBackup();
    makeDatabase(directory.file('large.db'), ...Array.from({ length: 3_000 }, (_, n) => `item ${n} ${'-'.repeat(40)}`));
    execFileSync(
      'dd',
      ['if=/dev/urandom', `of=${directory.file('large.db')}`, 'bs=4096', 'seek=9', 'count=3', 'conv=notrunc'],
      {
        stdio: 'ignore',
      },
    );
    const before = filesIn(directory.path);
    const { ino } = statSync(directory.file('orders.db'));
    const { code, out } = await copying(directory.path, 'restore', 'large.db', 'orders.db', '--replace', '--json');
    expect(code).toBe(1);
    expect(documentOf(out)).toMatchObject({ outcome: 'failed', fault: 'damaged', kept: [] });
    expect(filesIn(directory.path)).toEqual(before);
    expect(statSync(directory.file('orders.db')).ino).toBe(ino);
    expect(namesIn(directory.file('orders.db'))).toEqual(['today']);
  });

  it('is refused while a service has the database open, by its path and by its name, and says which', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    makeDatabase(join(directory.path, 'backup.db'), 'yesterday');
    const { ino } = statSync(join(directory.path, 'orders.db'));
    for (const word of ['orders.db', 'orders']) {
      const { code, out, err } = await copying(directory.path, 'restore', 'backup.db', word, '--replace');
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(new RegExp(`orders\\.db is open in shop \\(pid ${shop.pid}\\); stop that first\n$`));
    }
    expect(statSync(join(directory.path, 'orders.db')).ino).toBe(ino);
    expect(filesIn(directory.path).filter((name) => name.includes('replaced') || name.includes('partial'))).toEqual([]);
  });

  it('is refused while any program has it open, or its log alone', async () => {
    using directory = withBackup();
    await using writer = await startWriter(directory.file('orders.db'), 'SELECT * FROM item');
    const argv = ['restore', 'backup.db', 'orders.db', '--replace'];
    expect(await copying(directory.path, ...argv)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`(pid ${writer.pid}); stop that first`) as string,
    });
    await writer.tell('close');
    expect((await copying(directory.path, ...argv)).code).toBe(0);
  });

  it('gives everything its name back where somebody opens the database while it copies', async () => {
    using directory = withBackup();
    await killedDatabase(directory.file('killed.db'), 'in the log alone');
    const before = filesIn(directory.path);
    let descriptor = 0;
    const opened = (): void => {
      descriptor = openSync(directory.file('killed.db'), 'r');
    };
    using _ = { [Symbol.dispose]: () => closeSync(descriptor) };
    const argv = ['restore', 'backup.db', 'killed.db', '--replace'];
    expect(await copyingWhile(opened, directory.path, ...argv)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(`(pid ${process.pid}); stop that first`) as string,
    });
    expect(filesIn(directory.path)).toEqual(before);
    expect(statSync(directory.file('killed.db')).nlink).toBe(1);
  });

  it('is refused where the log of another database waits for a file of that name', async () => {
    using directory = withBackup();
    writeFileSync(directory.file('new.db-wal'), 'of another');
    expect(await copying(directory.path, 'restore', 'backup.db', 'new.db')).toMatchObject({
      code: 2,
      err: expect.stringContaining('has a -wal file beside it') as string,
    });
    expect(existsSync(directory.file('new.db'))).toBe(false);
  });

  it.for<readonly [string, string, RegExp]>([
    ['backup.db', '.', /is a directory/],
    ['backup.db', '', /is no name that a file can have/],
    ['backup.db', 'none/orders.db', /does not exist/],
    ['backup.db', 'backup.db', /is the file that is to be copied/],
    ['link.db', 'backup.db', /is the file that is to be copied/],
    ['backup.db', 'link.db', /is a symbolic link/],
    ['backup.db', 'orders.db-wal', /ends in -wal/],
    ['none.db', 'orders.db', /does not exist/],
    ['.', 'orders.db', /is a directory/],
    ['a\0b', 'orders.db', /is no name/],
    ['notes.txt', 'orders.db', /is not a SQLite database|is shorter/],
  ])('of %j to %j is refused in one sentence', async ([backup, target, why]) => {
    using directory = withBackup();
    symlinkSync('backup.db', directory.file('link.db'));
    writeFileSync(directory.file('notes.txt'), 'notes'.repeat(100));
    const before = filesIn(directory.path);
    const { code, out, err } = await copying(directory.path, 'restore', backup, target, '--replace');
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(why);
    expect(err.split('\n')).toHaveLength(2);
    expect(filesIn(directory.path)).toEqual(before);
    expect(namesIn(directory.file('orders.db'))).toEqual(['today']);
  });
});

describe('a database that is being set aside', () => {
  it('has two names until another one is in its place, and no service opens it meanwhile', async () => {
    using directory = temporaryDirectory();
    {
      await using shop = await startShop(directory.path);
      await shop.tell('close');
    }
    const path = join(directory.path, 'orders.db');
    const aside = setAside(path, new Date(0));
    expect(statSync(path).nlink).toBe(2);
    await expect(openDirect({ name: 'orders', path })).rejects.toMatchObject({ code: 'HIVEDB_E_PATH' });
    aside.undo();
    expect(filesIn(directory.path)).toEqual(['orders.db', 'stock.db']);
    await using opened = await startShop(directory.path);
    await opened.tell('ask');
  });

  it('is gone on with where an earlier command was killed halfway', async () => {
    using directory = withBackup();
    const old = directory.file('old.db');
    await killedDatabase(old, 'in the log alone');
    for (const suffix of ['', '-wal', '-shm']) renameSync(`${old}${suffix}`, `${directory.file('orders.db')}${suffix}`);
    // It had linked the file and moved its log, and was killed then.
    const halfway = `${directory.file('orders.db')}.replaced-2026-01-02T03-04-05Z`;
    linkSync(directory.file('orders.db'), halfway);
    renameSync(`${directory.file('orders.db')}-wal`, `${halfway}-wal`);
    const { code, out } = await copying(directory.path, 'restore', 'backup.db', 'orders.db', '--replace', '--json');
    expect(code).toBe(0);
    expect(documentOf(out).kept).toEqual([halfway, `${halfway}-wal`, `${halfway}-shm`]);
    expect(namesIn(directory.file('orders.db'))).toEqual(['yesterday']);
    expect(namesIn(halfway)).toEqual(['in the log alone']);
    expect(statSync(halfway).nlink).toBe(1);
  });

  it('gets its names back when that cannot be ended', () => {
    using directory = withBackup();
    const path = directory.file('orders.db');
    writeFileSync(`${path}-wal`, '');
    const at = new Date(0);
    // Two of one second.
    const first = setAside(path, at);
    expect(first.kept[0]).toBe(`${path}.replaced-1970-01-01T00-00-00Z`);
    first.undo();
    writeFileSync(first.kept[0]!, 'earlier');
    const second = setAside(path, at);
    expect(second.kept).toEqual([`${first.kept[0]}-2`, `${first.kept[0]}-2-wal`]);
    second.undo();
    expect(readFileSync(first.kept[0]!, 'utf8')).toBe('earlier');
    expect(namesIn(path)).toEqual(['today']);
  });
});
