import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import type { FixDocument } from '../dist/documents/fix.js';
import { run } from './support/command-line.ts';
import { startCommand, startProgram, startShop, startWriter } from './support/program.ts';
import { contract, misfits } from './support/schema.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** Runs it with JSON, and holds that against the contract. */
async function health(...argv: readonly string[]): Promise<{ readonly code: number; readonly document: FixDocument }> {
  const { code, out } = await run(['health-check', '--json', ...argv]);
  const document = JSON.parse(out) as FixDocument;
  expect(misfits(document, contract('fix'))).toEqual([]);
  return { code, document };
}

/** Everything in a directory, byte by byte. */
function contentOf(directory: string): ReadonlyMap<string, string> {
  return new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'latin1')]));
}

/** A log that its process, which was killed, did not close. */
async function leaveLog(path: string): Promise<void> {
  await using _ = await startWriter(
    path,
    'PRAGMA journal_mode = WAL',
    'CREATE TABLE t (a)',
    'INSERT INTO t VALUES (7)',
  );
}

/** A transaction that was cut short in the middle of changing the file. */
async function leaveJournal(path: string): Promise<void> {
  await using _ = await startWriter(
    path,
    'CREATE TABLE t (a)',
    'INSERT INTO t SELECT zeroblob(3000) FROM (VALUES (1), (2), (3), (4))',
    'PRAGMA cache_size = 1',
    'BEGIN',
    'UPDATE t SET a = randomblob(3000)',
    'INSERT INTO t SELECT randomblob(3000) FROM t, t AS u',
  );
}

/** How many rows `t` has, as another SQLite says. */
function rowsIn(path: string): unknown {
  using database = new DatabaseSync(path);
  return database.prepare('SELECT count(*) AS rows FROM t').get()?.['rows'];
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
}

describe('recovery: health-check --fix of what processes share', () => {
  it('removes the sockets of processes that have gone, and none of one that lives', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const dead = startProgram('mortal.mjs', shop.runtimeDirectory);
    await dead.line();
    await dead.kill();
    const sockets = () => readdirSync(shop.runtimeDirectory).filter((name) => name.endsWith('.sock'));
    expect(sockets()).toHaveLength(2);

    const plan = await health('--dry-run', '--runtime-dir', shop.runtimeDirectory);
    expect(plan).toMatchObject({
      code: 1,
      document: {
        dry_run: true,
        steps: [
          {
            id: `remove-stale-sockets:${shop.runtimeDirectory}`,
            risk: 'low',
            findings: ['stale-sockets'],
            confirm: null,
            outcome: 'planned',
          },
        ],
      },
    });
    expect(sockets()).toHaveLength(2);

    const done = await health('--fix', '--runtime-dir', shop.runtimeDirectory);
    expect(done).toMatchObject({ code: 0, document: { dry_run: false, steps: [{ outcome: 'done', detail: null }] } });
    expect(sockets()).toEqual([expect.stringContaining(`process-${shop.pid}-`)]);
    const again = await run(['health-check', '--fix', '--runtime-dir', shop.runtimeDirectory]);
    expect(again).toEqual({ code: 0, out: 'nothing to mend\n', err: '' });
  });

  it('is announced by diagnose', async () => {
    using directory = temporaryDirectory();
    const dead = startProgram('mortal.mjs', directory.path);
    await dead.line();
    await dead.kill();
    const { code, out } = await run(['diagnose', '--runtime-dir', directory.path]);
    expect(code).toBe(0);
    expect(out).toMatch(/^info {2}stale-sockets [^]+1 socket of processes that ended without a word\n/);
  });

  it('takes the permissions of others away', async () => {
    using directory = temporaryDirectory();
    chmodSync(directory.path, 0o755);
    const argv = ['--runtime-dir', directory.path];
    expect(await run(['health-check', ...argv])).toMatchObject({ code: 2 });
    const plan = await health('--dry-run', ...argv);
    expect(plan.document.steps).toMatchObject([{ id: `close-directory:${directory.path}`, risk: 'low' }]);
    expect(statSync(directory.path).mode & 0o777).toBe(0o755);
    const { code, document } = await health('--fix', ...argv);
    expect({ code, document }).toMatchObject({ code: 0, document: { steps: [{ outcome: 'done' }] } });
    expect(statSync(directory.path).mode & 0o777).toBe(0o700);
  });

  it('leaves somebody’s own directory as it is, unless that is confirmed', async () => {
    using directory = temporaryDirectory();
    writeFileSync(join(directory.path, 'thesis.tex'), '');
    chmodSync(directory.path, 0o755);
    const argv = ['--fix', '--runtime-dir', directory.path];
    const { code, document } = await health(...argv);
    const [step] = document.steps;
    expect({ code, step }).toMatchObject({ code: 1, step: { risk: 'high', outcome: 'skipped' } });
    expect(step?.does).toMatch(/it holds what no process of ours put there, such as thesis\.tex$/);
    expect(statSync(directory.path).mode & 0o777).toBe(0o755);
    expect((await health(...argv, '--confirm', step!.confirm!)).code).toBe(0);
    expect(statSync(directory.path).mode & 0o777).toBe(0o700);
  });

  it('lists what no command mends, with the advice', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('session');
    const { code, out } = await run(['health-check', '--fix', '--runtime-dir', shop.runtimeDirectory]);
    expect({ code, out }).toEqual({ code: 0, out: 'nothing to mend\n' });
    shop.process.kill('SIGSTOP');
    const { document } = await health('--fix', '--timeout', '300ms', '--runtime-dir', shop.runtimeDirectory);
    shop.process.kill('SIGCONT');
    expect(document).toMatchObject({ steps: [], advice: [{ severity: 'error', code: 'silent' }] });
  });
});

describe('recovery: health-check --fix of files', () => {
  it('takes in a log that nobody closed, loses nothing, and says so', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await leaveLog(path);
    const before = contentOf(directory.path);
    const plan = await health('--fix', '--dry-run', path);
    expect(plan).toMatchObject({
      code: 1,
      document: {
        dry_run: true,
        steps: [{ id: `take-in-log:${path}`, risk: 'low', findings: ['unclosed'], outcome: 'planned' }],
      },
    });
    expect(plan.document.steps[0]?.does).toMatch(/^opens the database, /);
    expect(contentOf(directory.path)).toEqual(before);

    const { code, out } = await run(['health-check', '--fix', path]);
    expect(code).toBe(0);
    expect(out).toMatch(/^done {2}take-in-log:.+a\.db {2}risk low\n[^]+\n1 step: 1 done\n$/);
    expect(readdirSync(directory.path)).toEqual(['a.db']);
    expect(rowsIn(path)).toBe(1);
  });

  it('touches nothing that another process has open, though it has no lock', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await leaveLog(path);
    const open = `require('node:fs').openSync(process.argv[1]); console.log('open'); process.stdin.resume()`;
    await using other = startCommand({ command: process.execPath, argv: ['-e', open, `${path}-wal`] });
    await other.line();
    const before = contentOf(directory.path);
    const { code, document } = await health('--fix', path);
    expect({ code, steps: document.steps }).toEqual({ code: 0, steps: [] });
    expect(document.advice).toMatchObject([{ code: 'unclosed' }]);
    expect(document.advice[0]?.advice).toMatch(new RegExp(`\\(not mended now: it is open in process ${other.pid}\\)$`));
    expect(contentOf(directory.path)).toEqual(before);
  });

  it('plans nothing that could not be done: a file with two names is opened by no service', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await leaveJournal(path);
    linkSync(path, join(directory.path, 'b.db'));
    const before = contentOf(directory.path);
    for (const argv of [
      ['--dry-run', path],
      ['--fix', '--confirm', 'a.db', path],
    ]) {
      const { document } = await health(...argv);
      expect(document.steps).toEqual([]);
      expect(document.advice.find(({ code }) => code === 'hot-journal')?.advice).toMatch(
        /\(not mended now: it is one of 2 names of a file \(hard links\)\)$/,
      );
    }
    expect(contentOf(directory.path)).toEqual(before);
  });

  it('does not open a log that SQLite would cut off', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await leaveLog(path);
    overwrite(`${path}-wal`, 32 + 24 + 4_000, Uint8Array.of(99));
    const before = contentOf(directory.path);
    const { code, document } = await health('--fix', path);
    expect({ code, steps: document.steps }).toEqual({ code: 0, steps: [] });
    expect(document.advice[0]?.advice).toMatch(
      /its log is damaged before its last commit: copy both files away first\)$/,
    );
    expect(contentOf(directory.path)).toEqual(before);
  });

  it('rolls back what was cut short only where that is confirmed', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await leaveJournal(path);
    const before = contentOf(directory.path);
    expect([...before.keys()]).toEqual(['a.db', 'a.db-journal']);
    const { code, out } = await run(['health-check', '--fix', path]);
    expect(code).toBe(1);
    expect(out).toMatch(/^skipped {2}roll-back:[^]+confirm with +--confirm a\.db\n[^]+1 step: 1 skipped/);
    expect(contentOf(directory.path)).toEqual(before);

    // A database is called as its file, without the ending.
    const done = await health('--fix', '--confirm', 'a', path);
    expect(done).toMatchObject({
      code: 0,
      document: { steps: [{ risk: 'high', confirm: 'a.db', outcome: 'done' }] },
    });
    expect(readdirSync(directory.path)).toEqual(['a.db']);
    expect(rowsIn(path)).toBe(4);
  });

  it('checks what an old version wrote, and says what it finds', async () => {
    using directory = temporaryDirectory();
    const [sound, damaged] = ['sound.db', 'damaged.db'].map((name) => join(directory.path, name)) as [string, string];
    await using writer = await startWriter(
      sound,
      'PRAGMA journal_mode = WAL',
      'CREATE TABLE t (a)',
      'CREATE INDEX i ON t (a)',
      'INSERT INTO t SELECT randomblob(3000) FROM (VALUES (1), (2), (3), (4))',
    );
    await writer.tell('close');
    // Who wrote it last: 3.45.0.
    overwrite(sound, 96, Uint8Array.of(0, 0x2e, 0x76, 0x88));
    copyFileSync(sound, damaged);
    overwrite(damaged, 4_096 * 2, new Uint8Array(4_096));
    const good = await health('--fix', sound);
    expect(good).toMatchObject({
      code: 0,
      document: { steps: [{ id: `check:${sound}`, risk: 'none', outcome: 'done', findings: ['outdated-writer'] }] },
    });
    const bad = await health('--fix', damaged);
    expect(bad).toMatchObject({ code: 1, document: { steps: [{ outcome: 'failed' }] } });
    expect(bad.document.steps[0]?.detail).toMatch(/damage|malformed/);
  });

  it('looks last, when what others do is done', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await leaveLog(path);
    await using writer = await startWriter(
      join(directory.path, 'b.db'),
      'PRAGMA journal_mode = WAL',
      'CREATE TABLE t (a)',
    );
    await writer.tell('close');
    overwrite(join(directory.path, 'b.db'), 96, Uint8Array.of(0, 0x2e, 0x76, 0x88));
    const { code, document } = await health('--fix', join(directory.path, 'b.db'), path);
    expect({ code, ids: document.steps.map(({ id }) => id.split(':')[0]) }).toEqual({
      code: 0,
      ids: ['take-in-log', 'check'],
    });
  });

  it('is wrong use, and changes nothing, where a name or a file is none', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await leaveLog(path);
    const before = contentOf(directory.path);
    for (const [argv, sentence] of [
      [['--fix', '--confirm', 'b.db', path], '--confirm b.db names nothing that is looked at; nothing was changed'],
      [['--fix', path, join(directory.path, 'none')], `${join(directory.path, 'none')} does not exist`],
      [['--confirm', 'a.db'], '--confirm belongs to --fix'],
    ] as const)
      expect(await run(['health-check', ...argv])).toEqual({ code: 2, out: '', err: `hive-db: ${sentence}\n` });
    expect(contentOf(directory.path)).toEqual(before);
  });

  it('mends nothing that is damaged, and fails', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'empty.db');
    writeFileSync(path, '');
    const { code, document } = await health('--fix', path);
    expect({ code, document }).toMatchObject({ code: 1, document: { steps: [], advice: [{ code: 'empty' }] } });
    expect(statSync(path).size).toBe(0);
    mkdirSync(join(directory.path, 'd'));
    expect((await run(['health-check', '--fix', join(directory.path, 'd')])).code).toBe(2);
    expect(existsSync(path)).toBe(true);
  });
});
