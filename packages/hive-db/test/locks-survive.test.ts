import { closeSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixDocument } from '../dist/documents/fix.js';
import type { Io } from '../dist/io.js';
import { run, type Circumstances } from './support/command-line.ts';
import { heldLocks } from './support/held-locks.ts';
import { HAS_TERMINALS, startAtTerminal } from './support/pseudo-terminal.ts';
import { startProgram, startShop, startWriter, type Program } from './support/program.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const BIN = join(import.meta.dirname, '../bin/hive-db.js');
const FILES = ['', '-wal', '-shm'];

/** Whether another SQLite may write to a file now. */
function mayWrite(path: string): boolean {
  using database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

/** The files of a database: the same ones, not others in their place. */
function inodesOf(path: string): readonly number[] {
  return FILES.map((suffix) => statSync(`${path}${suffix}`).ino);
}

/** Two looks without an end of their own. */
function twoLooks(): Pick<Circumstances, 'clock' | 'interruption'> {
  const controller = new AbortController();
  let looks = 0;
  const clock: Io['clock'] = {
    now: () => looks * 1_000,
    wait: () => {
      if (++looks === 2) controller.abort();
      return Promise.resolve();
    },
  };
  return { clock, interruption: () => ({ signal: controller.signal, [Symbol.dispose]: () => undefined }) };
}

/** Every verb that looks at processes or files, in each way in which it looks. `FILE` is the database, `OUT` a new file. */
const VERBS: readonly string[] = [
  'status',
  'ps',
  'top',
  'top --json',
  'locks',
  'locks FILE',
  'why orders',
  'why FILE',
  'wal',
  'wal FILE',
  'monitor',
  'monitor FILE',
  'monitor --continuous',
  'monitor --continuous FILE',
  'diagnose',
  'diagnose FILE',
  'health-check',
  'health-check --fix --dry-run FILE',
  'health-check --fix --confirm orders.db FILE',
  'deprecations',
  'config print',
  'completion bash',
  'complete -- hive-db locks o',
  'export',
  'export FILE',
  'export --output OUT',
  'export FILE --output OUT',
  'export --output FILE',
  'record --output OUT',
  'record --output FILE',
  'replay FILE',
  'backup FILE OUT',
  'backup orders OUT',
  'backup FILE FILE --replace',
  'restore FILE OUT',
  'restore FILE orders --replace',
  'status -i FILE',
];

describe('the write lock of a process of ours', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let shop: Program & { readonly runtimeDirectory: string };
  let path: string;
  beforeAll(async () => {
    directory = temporaryDirectory();
    shop = await startShop(directory.path);
    await shop.tell('lock');
    path = join(directory.path, 'orders.db');
    // The socket of a process that has gone, for what sweeps them away.
    const dead = startProgram('mortal.mjs', shop.runtimeDirectory);
    await dead.line();
    await dead.kill();
  });
  afterAll(async () => {
    await shop.kill();
    directory[Symbol.dispose]();
  });

  /** What a deed must leave as it is. */
  function state(): object {
    return { locks: heldLocks(shop), inodes: inodesOf(path), mayWrite: mayWrite(path) };
  }

  it.each(VERBS)('outlasts hive-db %s', async (verb) => {
    const before = state();
    expect(before).toMatchObject({ mayWrite: false });
    const out = join(directory.path, `${verb.replaceAll(/\W/g, '-')}.json`);
    const words = verb.split(' ').map((word) => ({ FILE: path, OUT: out })[word] ?? word);
    const argv = ['--runtime-dir', shop.runtimeDirectory, ...words];
    const { err } = await run(argv, { cwd: directory.path, ...twoLooks() });
    expect(err).not.toMatch(/unknown|argument|bug/);
    expect(state()).toEqual(before);
  });

  it('outlasts the full-screen view', async ({ skip }) => {
    skip(!HAS_TERMINALS, 'a terminal takes Python 3.9 and Linux 5.3');
    const before = state();
    const argv = [BIN, 'monitor', '--continuous', '--runtime-dir', shop.runtimeDirectory];
    await using terminal = await startAtTerminal({ command: process.execPath, argv }, { columns: 100, rows: 30 });
    await terminal.until((screen) => screen.lines.some((line) => line.includes('orders')));
    terminal.type('q');
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    expect(state()).toEqual(before);
  });

  it('outlasts a runtime directory that is closed to others again', async () => {
    const before = state();
    const { out } = await run(['health-check', '--fix', '--runtime-dir', shop.runtimeDirectory]);
    expect(out).not.toBe('');
    expect(state()).toEqual(before);
  });
});

/** A database on which each fix of files would be tried, were it not for who has it open. */
const FIXABLE: readonly (readonly [what: string, prepare: readonly string[], hold: readonly string[], age: boolean])[] =
  [
    [
      'a log',
      ['PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)'],
      ['INSERT INTO t VALUES (1)', 'BEGIN IMMEDIATE'],
      false,
    ],
    ['a rollback journal', ['CREATE TABLE t (a)'], ['BEGIN IMMEDIATE', 'INSERT INTO t VALUES (1)'], false],
    ['an old version', ['PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)'], ['BEGIN IMMEDIATE'], true],
  ];

describe('the locks of another program', () => {
  it.each(FIXABLE)('on a database with %s outlast every fix', async (_, prepare, hold, isOld) => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    mkdirSync(join(directory.path, 'run'), { mode: 0o700 });
    await using made = await startWriter(path, ...prepare);
    await made.tell('close');
    if (isOld) {
      // Who wrote it last: 3.45.0.
      const descriptor = openSync(path, 'r+');
      writeSync(descriptor, Uint8Array.of(0, 0x2e, 0x76, 0x88), 0, 4, 96);
      closeSync(descriptor);
    }
    await using holder = await startWriter(path, ...hold);
    const before = { locks: heldLocks(holder), mayWrite: mayWrite(path) };
    expect(before).toMatchObject({ mayWrite: false });
    for (const fix of [['--dry-run'], ['--confirm', 'a.db']]) {
      const argv = ['health-check', '--json', '--fix', ...fix, '--runtime-dir', join(directory.path, 'run'), path];
      expect((JSON.parse((await run(argv)).out) as FixDocument).steps).toEqual([]);
    }
    expect({ locks: heldLocks(holder), mayWrite: mayWrite(path) }).toEqual(before);
    await holder.tell('COMMIT');
    expect(mayWrite(path)).toBe(true);
  });
});
