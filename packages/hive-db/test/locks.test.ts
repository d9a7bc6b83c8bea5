import { spawnSync } from 'node:child_process';
import { statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { DatabaseLocksDocument, LocksDocument } from '../dist/documents/locks.js';
import { run, type Circumstances } from './support/command-line.ts';
import { heldLocks } from './support/held-locks.ts';
import { startCommand, startShop, startWriter } from './support/program.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** What `locks --json` says of all databases that are looked at. */
async function look(argv: readonly string[], circumstances?: Circumstances): Promise<readonly DatabaseLocksDocument[]> {
  const { code, out, err } = await run(['locks', '--json', ...argv], circumstances);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return (JSON.parse(out) as LocksDocument).databases;
}

/** A busy machine is no reason to fail. */
const LONG = { timeout: 20_000, interval: 50 };

const WAL = ['PRAGMA journal_mode = WAL', 'CREATE TABLE t (a TEXT)', "INSERT INTO t VALUES ('x')"];

describe('hive-db locks', () => {
  it('names one of ours with its label and its call site', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('lock');
    const path = join(directory.path, 'orders.db');
    const [database] = await look(['--runtime-dir', shop.runtimeDirectory, 'orders']);
    expect(database).toMatchObject({
      path,
      names: ['orders'],
      write: { pid: shop.pid, app: 'shop', label: 'move stock', observed_seconds: 0 },
      open: [{ pid: shop.pid, app: 'shop' }],
    });
    expect(database?.write?.call_site).toMatch(/service\.mjs:\d+:\d+/);
    expect(database?.write?.held_seconds).toBeGreaterThan(0);
    expect(database?.write?.locked_seconds).toBeGreaterThan(0);
    expect(database?.write?.changed_seconds).toBeGreaterThan(0);
    await shop.tell('release');
    await vi.waitFor(async () => {
      expect((await look(['--runtime-dir', shop.runtimeDirectory, path]))[0]?.write).toBeNull();
    }, LONG);
  });

  it('names one of ours with its label also while its main thread is stuck in the write', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await using other = await startShop(directory.path);
    await other.tell('ask');
    await shop.tell('fill');
    await vi.waitFor(async () => {
      const [database] = await look(['--runtime-dir', shop.runtimeDirectory, 'orders']);
      expect(database?.write).toMatchObject({ pid: shop.pid, app: 'shop', label: 'fill stock' });
      expect(database?.write?.held_seconds).toBeGreaterThan(1);
      expect(database?.waiters).toEqual([]);
    }, LONG);
  });

  it('names the service that has it open, of several in one process', async () => {
    using directory = temporaryDirectory();
    const program = `
      import { openDatabaseService, sqlite } from '@hive/shared-db';
      const [directory] = process.argv.slice(-1);
      const open = (app) => openDatabaseService({ app, runtimeDirectory: directory + '/run',
        databases: { [app]: sqlite({ path: directory + '/' + app + '.db' }) } });
      for (const app of ['first', 'second', 'third']) await open(app);
      console.log('open');
      process.stdin.resume();
    `;
    const argv = ['--input-type=module', '-e', program, '--', directory.path];
    await using service = startCommand({ command: process.execPath, argv });
    expect(await service.line()).toBe('open');
    const databases = await look(['--runtime-dir', join(directory.path, 'run')]);
    expect(databases.map(({ names, open }) => [names, open.map(({ app }) => app)])).toEqual(
      ['first', 'second', 'third'].map((app) => [[app], [app]]),
    );
  });

  it('names those of ours that wait, with what they wait to do', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await using other = await startShop(directory.path);
    await shop.tell('lock');
    await other.tell('ask');
    await other.tell('ask');
    const [database] = await look(['--runtime-dir', shop.runtimeDirectory, 'orders']);
    expect(database?.write).toMatchObject({ pid: shop.pid });
    expect(database?.waiters).toMatchObject([{ pid: other.pid, app: 'shop', label: 'add stock', behind: 1 }]);
    const { out } = await run(['locks', '--runtime-dir', shop.runtimeDirectory, 'orders']);
    expect(out).toMatch(new RegExp(`writing +shop \\(pid ${shop.pid}\\): "move stock" for [^,]+, `));
    expect(out).toMatch(new RegExp(`waiting +shop \\(pid ${other.pid}\\): "add stock" for [^,]+, and 1 behind it`));
  });

  it('says how each of ours comes by its turns, and who waits for one', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await using other = await startShop(directory.path);
    await shop.tell('lock');
    await other.tell('ask');
    await vi.waitFor(async () => {
      const [database] = await look(['--runtime-dir', shop.runtimeDirectory, 'orders']);
      expect(database?.turns.map(({ pid, app, mode }) => [pid, app, mode])).toEqual(
        [shop.pid, other.pid].toSorted((a, b) => a - b).map((pid) => [pid, 'shop', 'arbiter']),
      );
      // The lock was taken without one while nobody else wanted it.
      expect(database?.turns.find(({ pid }) => pid === other.pid)?.held_seconds).toBeGreaterThan(0);
    }, LONG);
    const { out } = await run(['locks', '--runtime-dir', shop.runtimeDirectory, 'orders']);
    expect(out.replaceAll(/\s+/g, ' ')).toMatch(
      new RegExp(`turns shop \\(pid ${other.pid}\\): by the arbiter, \\d+ so far, has had one for [\\d.]+ m?s `),
    );
  });

  it('shows every database that a process has open, each once', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await using _ = await startShop(directory.path);
    const databases = await look(['--runtime-dir', shop.runtimeDirectory]);
    expect(databases.map(({ path }) => path)).toEqual(
      ['orders.db', 'stock.db'].map((name) => join(directory.path, name)),
    );
    expect(databases.map(({ open }) => open.length)).toEqual([2, 2]);
  });

  it('names any other program: here a second SQLite that writes', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...WAL, 'BEGIN IMMEDIATE');
    const [database] = await look(['--runtime-dir', directory.path, path]);
    expect(database?.write).toMatchObject({ pid: writer.pid, app: null, label: null, held_seconds: null });
    expect(database?.write?.command).toMatch(/writer\.mjs/);
  });

  it('counts the frames that a reader keeps in the log, to the frame', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...WAL, 'PRAGMA wal_checkpoint(PASSIVE)');
    await writer.tell("INSERT INTO t VALUES ('seen')");
    await using reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    for (let i = 0; i < 5; i++) await writer.tell(`INSERT INTO t VALUES ('unseen ${i}')`);
    await writer.tell('PRAGMA wal_checkpoint(PASSIVE)');
    const [database] = await look(['--runtime-dir', directory.path, path]);
    expect(database?.readers).toMatchObject([{ pid: reader.pid, pins_frames: 5 }]);
    // What a checkpoint could not move is what the reader keeps.
    expect(database?.wal).toMatchObject({ backlog_frames: 5, size_bytes: statSync(`${path}-wal`).size });
    await reader.tell('COMMIT');
    expect((await look(['--runtime-dir', directory.path, path]))[0]?.readers).toEqual([]);
  });

  it('sees through a rollback journal, too', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, 'CREATE TABLE t (a TEXT)', "INSERT INTO t VALUES ('x')");
    await using reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    await writer.tell('BEGIN IMMEDIATE');
    const [database] = await look(['--runtime-dir', directory.path, path]);
    expect(database).toMatchObject({ write: { pid: writer.pid }, wal: null });
    expect(database?.readers).toContainEqual(expect.objectContaining({ pid: reader.pid, pins_frames: 0 }));
  });

  const python = spawnSync('python3', ['-c', 'import sqlite3']).status === 0;

  it.skipIf(!python)('names a Python process that holds the write lock', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...WAL);
    await writer.tell('close');
    const hold = `import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute('BEGIN IMMEDIATE')
print('held', flush=True)
sys.stdin.read()`;
    await using holder = startCommand({ command: 'python3', argv: ['-c', hold, path] });
    expect(await holder.line()).toBe('held');
    const [database] = await look(['--runtime-dir', directory.path, path]);
    expect(database?.write).toMatchObject({ pid: holder.pid, app: null });
    expect(database?.write?.command).toMatch(/^python3/);
  });

  it('says for how long it has seen a stranger with its lock, and costs a second look only where there is one', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...WAL);
    await using reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    let waits = 0;
    let now = 0;
    const clock: Circumstances['clock'] = {
      now: () => now,
      wait: async (delayMs) => {
        waits++;
        now += delayMs;
        // Between the two looks one writes on, and the other ends what it read.
        await reader.tell('COMMIT');
      },
    };
    await writer.tell('BEGIN IMMEDIATE');
    const argv = ['--runtime-dir', directory.path, path];
    const [database] = await look(argv, { clock });
    expect(waits).toBe(1);
    expect(database?.write).toMatchObject({ pid: writer.pid, held_seconds: null, observed_seconds: 0.05 });
    expect(database?.readers).toContainEqual(expect.objectContaining({ pid: reader.pid, observed_seconds: 0 }));
    expect((await run(['locks', ...argv])).out).toMatch(/writing +node writer\.mjs.+seen for 50\s+ms\n/);
    await writer.tell('COMMIT');
    await look(argv, { clock });
    expect(waits).toBe(1);
  });

  it('finds a database by any path that leads to it', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('lock');
    const link = join(directory.path, 'link.db');
    symlinkSync(join(directory.path, 'orders.db'), link);
    for (const name of [link, 'orders.db', 'orders']) {
      const [database] = await look(['--runtime-dir', shop.runtimeDirectory, name], { cwd: directory.path });
      expect(database).toMatchObject({ names: ['orders'], write: { label: 'move stock' } });
    }
  });

  it('takes no lock from anybody, and leaves nothing behind', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('lock');
    const before = heldLocks(shop);
    expect(before.length).toBeGreaterThan(0);
    await look(['--runtime-dir', shop.runtimeDirectory]);
    await run(['locks', '--runtime-dir', shop.runtimeDirectory, join(directory.path, 'orders.db')]);
    expect(heldLocks(shop)).toEqual(before);
  });

  it('says in one sentence what is no database', async () => {
    using directory = temporaryDirectory();
    for (const [word, code, sentence] of [
      ['nothing', 2, /nothing does not exist/],
      ['.', 2, /is a directory/],
      ['', 2, /is no name that a file can have/],
    ] as const) {
      const outcome = await run(['locks', '--runtime-dir', directory.path, word], { cwd: directory.path });
      expect(outcome).toMatchObject({ code, out: '' });
      expect(outcome.err).toMatch(sentence);
      expect(outcome.err.split('\n').filter((line) => line !== '')).toHaveLength(1);
    }
  });
});
