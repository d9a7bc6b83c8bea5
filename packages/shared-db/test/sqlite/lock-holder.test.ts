import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLocks, readLockTable, type FileLock } from '@hive/shared-db/health';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
// By itself, because no program takes the locks of SQLite one by one.
import { writeLockHolders } from '../../dist/sqlite/lock-holder.js';

/** A device that none of these files is on. */
const ELSEWHERE = '00:fffff';

function hexadecimal(number: number): string {
  return number.toString(16).padStart(2, '0');
}

interface Lock {
  readonly mode?: 'READ' | 'WRITE';
  readonly pid?: number;
  readonly device?: string;
  readonly inode?: number;
  readonly bytes?: string;
}

/** A file for the locks of a database, and the table that the kernel would show of it. */
function place(directory: TemporaryDirectory): {
  readonly path: string;
  readonly table: (...locks: readonly Lock[]) => readonly FileLock[];
} {
  const path = directory.file('orders.db');
  writeFileSync(path, '');
  writeFileSync(`${path}-shm`, '');
  const { dev, ino } = statSync(`${path}-shm`);
  // What /proc/locks shows: major and minor number of the device.
  const here = `${hexadecimal((dev >>> 8) & 0xfff)}:${hexadecimal((dev & 0xff) | ((dev >>> 12) & 0xfff00))}`;
  const line = ({ mode = 'WRITE', pid = process.pid, device = here, inode = ino, bytes = '120 120' }: Lock): string =>
    `1: POSIX  ADVISORY  ${mode} ${pid} ${device}:${inode} ${bytes}\n`;
  return { path, table: (...locks) => parseLocks(locks.map(line).join('')) };
}

describe('who holds the write lock', () => {
  it.each<readonly [string, Lock]>([
    ['its byte alone', {}],
    ['the last of several bytes', { bytes: '119 120' }],
    ['the first of several bytes', { bytes: '120 127' }],
    ['a byte in the middle', { bytes: '100 130' }],
    ['all of the file', { bytes: '0 EOF' }],
  ])('is who has locked %s for itself', (_, lock) => {
    using directory = temporaryDirectory();
    const { path, table } = place(directory);
    expect(writeLockHolders(path, table(lock))).toEqual([
      { pid: process.pid, command: expect.stringContaining('node') as string },
    ]);
  });

  it.each<readonly [string, Lock]>([
    ['who only reads', { mode: 'READ', bytes: '124 124' }],
    ['who has that byte with others', { mode: 'READ' }],
    ['who has the file open', { mode: 'READ', bytes: '128 128' }],
    ['who brings the log into the file', { bytes: '121 121' }],
    ['who recovers', { bytes: '122 127' }],
    ['who holds a byte before', { bytes: '0 119' }],
    ['who holds all bytes behind', { bytes: '121 EOF' }],
    ['who holds that byte of another file', { inode: 1 }],
    ['who holds it of the same inode on another device', { device: ELSEWHERE }],
    ['whom this process cannot see', { pid: 0 }],
  ])('is not %s', (_, lock) => {
    using directory = temporaryDirectory();
    const { path, table } = place(directory);
    expect(writeLockHolders(path, table(lock))).toEqual([]);
    expect(writeLockHolders(path, table(lock, {}))).toHaveLength(1);
  });

  it('is known by its open files where the kernel has another number for the device', () => {
    using directory = temporaryDirectory();
    const { path, table } = place(directory);
    const descriptor = openSync(`${path}-shm`, 'r');
    using _ = { [Symbol.dispose]: () => closeSync(descriptor) };
    expect(writeLockHolders(path, table({ device: ELSEWHERE }))).toHaveLength(1);
  });

  it.each([
    ['who has the database for itself alone', 'WRITE', '1073741826 1073742335', 1, 1],
    ['who writes with a rollback journal', 'WRITE', '1073741825 1073741825', 1, 1],
    ['who waits for the readers to leave', 'WRITE', '1073741824 1073741824', 1, 1],
    ['who has the database open, unless it is in rollback mode', 'READ', '1073741826 1073742335', 0, 1],
    ['nobody with another byte of it', 'WRITE', '0 1073741823', 0, 0],
    ['nobody with a byte behind', 'WRITE', '1073742336 EOF', 0, 0],
  ] as const)('is %s', (_, mode, bytes, inWalMode, inRollbackMode) => {
    using directory = temporaryDirectory();
    const { path, table } = place(directory);
    const lock = table({ inode: statSync(path).ino, mode, bytes });
    expect(writeLockHolders(path, lock)).toHaveLength(inWalMode);
    rmSync(`${path}-shm`);
    expect(writeLockHolders(path, lock)).toHaveLength(inRollbackMode);
  });

  it('is shown without what could move a cursor or break a line', async () => {
    using directory = temporaryDirectory();
    const { path, table } = place(directory);
    const program = spawn(process.execPath, ['-e', '// \u001B[2J\nprocess.stdin.resume(); console.log(1)']);
    await once(program.stdout, 'data');
    const [holder] = writeLockHolders(path, table({ pid: program.pid! }));
    program.kill('SIGKILL');
    expect(holder?.command).toMatch(/ -e \/\/ \uFFFD\[2J\uFFFDprocess\.stdin/u);
  });

  it('is nobody where there is no database, or no table of locks', () => {
    using directory = temporaryDirectory();
    const { path, table } = place(directory);
    expect(writeLockHolders(`${path}.gone`, table({}))).toEqual([]);
    expect(writeLockHolders(`${path}\0`, table({}))).toEqual([]);
    expect(writeLockHolders(path, [])).toEqual([]);
  });
});

const LINES = Array.from({ length: 100 }, (_, n) => `POSIX  ADVISORY  READ ${n + 1} fe:00:9 128 128`);
/** As the kernel would show them. */
function written(which: readonly string[]): string {
  return which.map((line, n) => `${n + 1}: ${line}\n`).join('');
}

/** Whose locks are found in a table that is this at the first reading, and that at the next. */
function pidsIn(...tables: readonly string[]): readonly number[] {
  const rest = [...tables];
  return readLockTable(() => rest.shift() ?? '').map(({ pid }) => pid);
}

describe('the table of locks', () => {
  it('tells a lock once that came twice, because another one was taken between two of its pages', () => {
    const twice = [...LINES.slice(0, 50), ...LINES.slice(49)];
    expect(pidsIn(written(twice), written(LINES))).toEqual(LINES.map((_, n) => n + 1));
  });

  it('tells a lock that was missed, because another one was given up between two of its pages', () => {
    expect(pidsIn(written(LINES.toSpliced(49, 1)), written(LINES))).toContain(50);
    expect(pidsIn(written(LINES), written(LINES.toSpliced(49, 1)))).toContain(50);
  });

  it('is read once when it is one page', () => {
    expect(pidsIn(written(LINES.slice(0, 3)), written(LINES.slice(3)))).toEqual([1, 2, 3]);
  });
});
