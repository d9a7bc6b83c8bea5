import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../dist/documents/status.js';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { realRun } from './support/real-run.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** Every verb that looks at files, as a person types it. */
const VERBS = [
  'status',
  'locks',
  'wal',
  'why',
  'diagnose',
  'health-check --dry-run',
  'health-check --fix',
  'monitor',
  'export',
] as const;
/** No view hangs for 2 s. Whoever hangs does it for longer than a busy machine makes of that. */
const HANG_MS = 6_000;

/** A directory with a library for which every file lies on NFS. Undefined where it cannot be made: that takes Linux and a C compiler. */
const networkDisk = ((): string | undefined => {
  const directory = mkdtempSync(join(tmpdir(), 'hive-network-disk-'));
  const library = join(directory, 'network-disk.so');
  const source = join(import.meta.dirname, 'support/network-disk.c');
  if (spawnSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl']).status === 0) return directory;
  rmSync(directory, { recursive: true });
  return undefined;
})();

let place: ReturnType<typeof temporaryDirectory>;
let path: string;
beforeEach(() => {
  place = temporaryDirectory();
  path = join(place.path, 'orders.db');
});
afterEach(() => {
  place[Symbol.dispose]();
});

/** A database whose process died: everything that was committed is in its log. */
function left(rows = 20): string {
  const alive = join(place.path, 'alive.db');
  const database = new DatabaseSync(alive);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE item (text)');
  for (let row = 0; row < rows; row++) database.exec("INSERT INTO item VALUES (printf('%500s', 'x'))");
  for (const ending of ['', '-wal', '-shm']) copyFileSync(`${alive}${ending}`, `${path}${ending}`);
  database.close();
  return path;
}

function rowsIn(file: string): unknown {
  using database = new DatabaseSync(file);
  return database.prepare('SELECT count(*) AS rows FROM item').get()?.['rows'];
}

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

async function ask(verb: string, file: string) {
  const run_ = join(place.path, 'run');
  const begun = performance.now();
  const outcome = await run([...verb.split(' '), file, '--runtime-dir', run_]);
  return { ...outcome, elapsedMs: performance.now() - begun };
}

/** A header of a log with pages of 512 bytes that SQLite would take, with salts of zeros: then every frame of zeros belongs to it. */
function headerOfZeros(): Buffer {
  const header = Buffer.alloc(32);
  header.writeUInt32BE(0x377f0683, 0);
  header.writeUInt32BE(3_007_000, 4);
  header.writeUInt32BE(512, 8);
  let [a, b] = [0, 0];
  for (let at = 0; at < 24; at += 8) {
    a = (a + header.readUInt32BE(at) + b) >>> 0;
    b = (b + header.readUInt32BE(at + 4) + a) >>> 0;
  }
  header.writeUInt32BE(a, 24);
  header.writeUInt32BE(b, 28);
  return header;
}

describe('what lies beside a database', () => {
  it.each([
    ['a log that ends in its header', (file: string) => truncateSync(`${file}-wal`, 31)],
    ['a log that ends in a frame', (file: string) => truncateSync(`${file}-wal`, 5_000)],
    ['a log of random bytes', (file: string) => overwrite(`${file}-wal`, 0, Buffer.alloc(3_000, 'rubbish'))],
    ['an index that is empty', (file: string) => truncateSync(`${file}-shm`, 0)],
    ['an index that ends in its header', (file: string) => truncateSync(`${file}-shm`, 135)],
    ['an index of random bytes', (file: string) => overwrite(`${file}-shm`, 0, Buffer.alloc(3_000, 'rubbish'))],
    [
      'an index in the other order of bytes',
      (file: string) => writeFileSync(`${file}-shm`, readFileSync(`${file}-shm`).swap32()),
    ],
    ['an index with absurd numbers', (file: string) => overwrite(`${file}-shm`, 96, Buffer.alloc(40, 0xfe))],
    ['an index that leads back to itself', (file: string) => replace(`${file}-shm`, (at) => symlinkSync(at, at))],
    ['an index that is a directory', (file: string) => replace(`${file}-shm`, (at) => mkdirSync(at))],
    ['an index that is a pipe', (file: string) => replace(`${file}-shm`, (at) => spawnSync('mkfifo', [at]))],
    ['an index without end', (file: string) => replace(`${file}-shm`, (at) => symlinkSync('/dev/zero', at))],
    ['a journal that is a pipe', (file: string) => spawnSync('mkfifo', [`${file}-journal`])],
    ['a journal that is a directory', (file: string) => mkdirSync(`${file}-journal`)],
  ])('may be %s: every verb ends at once, without a bug, and only --fix changes anything', async (_, damage) => {
    left();
    damage(path);
    for (const verb of VERBS) {
      const before = readdirSync(place.path);
      const { code, err, elapsedMs } = await ask(verb, path);
      expect([verb, code, err]).toEqual([verb, expect.toBeOneOf([0, 1, 3]), '']);
      expect(elapsedMs).toBeLessThan(HANG_MS);
      if (!verb.endsWith('--fix')) expect(readdirSync(place.path)).toEqual(before);
    }
  });

  it.each(VERBS)('may be a log that leads back to itself, and %s says so', async (verb) => {
    left();
    replace(`${path}-wal`, (at) => symlinkSync(at, at));
    const { code, err } = await ask(verb, path);
    expect({ code, err }).toEqual({
      code: 3,
      err: `hive-db: ${path} has a -wal file that is a symbolic link that leads back to itself\n`,
    });
  });

  it.each(VERBS)('may be a log of a terabyte without a commit: %s does not look through all of it', async (verb) => {
    left();
    writeFileSync(`${path}-wal`, headerOfZeros());
    truncateSync(`${path}-wal`, 1024 ** 4);
    const { code, err, elapsedMs } = await ask(verb, path);
    expect([code, err]).toEqual([expect.toBeOneOf([0, 1]), '']);
    expect(elapsedMs).toBeLessThan(2 * HANG_MS);
    if (verb !== 'status') return;
    const { out } = await run(['status', '--json', path]);
    const [file] = (JSON.parse(out) as StatusDocument).files ?? [];
    expect(file).toMatchObject({ wal: { frames: Math.floor((1024 ** 4 - 32) / (24 + 512)), committed_frames: null } });
  });

  it('has no room for a name where that of the database is long, which is a database all the same', async () => {
    const long = join(place.path, 'x'.repeat(254));
    renameSync(left(), long);
    for (const verb of VERBS) expect([verb, (await ask(verb, long)).code]).toEqual([verb, expect.toBeOneOf([0, 1])]);
    expect((await run(['status', long])).out).toContain('WAL, no -wal file');
  });
});

describe('a log with a header that SQLite would not accept', () => {
  it.each([
    ['another page size', 8, [0, 0, 2, 0]],
    ['another salt', 16, [1]],
    ['another checksum', 24, [1]],
  ])('%s, is said to be none, and is not opened, which would delete it', async (_, at, bytes) => {
    left();
    const whole = readFileSync(`${path}-wal`);
    overwrite(`${path}-wal`, at, Buffer.from(bytes));
    expect((await ask('diagnose', path)).out).toMatch(/^error +damaged-wal/m);
    const { out } = await ask('health-check --fix', path);
    expect(out).not.toMatch(/^done/m);
    // Nothing is lost: with the header as it was, everything is there.
    writeFileSync(`${path}-wal`, Buffer.concat([whole.subarray(0, 32), readFileSync(`${path}-wal`).subarray(32)]));
    expect(rowsIn(path)).toBe(20);
  });
});

describe('a log and its index that are rewritten while they are read', () => {
  it('are shown as they were at one moment or another, by every verb, and the writer goes on', async () => {
    const writer = spawn(process.execPath, [join(import.meta.dirname, 'support/busy-writer.mjs'), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(writer, 'exit');
    try {
      await once(writer.stdout, 'data');
      for (let look = 0; look < 20; look++)
        for (const verb of VERBS.filter((one) => !one.endsWith('--fix'))) {
          const { code, err } = await ask(verb, path);
          expect([verb, code, err]).toEqual([verb, expect.toBeOneOf([0, 1]), '']);
        }
      expect(writer.exitCode).toBeNull();
    } finally {
      writer.kill('SIGKILL');
      await ended;
    }
    expect(rowsIn(path)).toBeGreaterThan(0);
  });
});

describe('a database that is deleted while a process has it open', () => {
  it('is said to be so, and not to be named wrongly', async () => {
    await using shop = await startShop(place.path);
    const orders = join(place.path, 'orders.db');
    for (const ending of ['', '-wal', '-shm']) rmSync(`${orders}${ending}`);
    for (const verb of ['locks', 'locks orders', 'wal', 'wal orders', 'why orders', `why ${orders}`]) {
      const { code, err } = await run([...verb.split(' '), '--runtime-dir', shop.runtimeDirectory]);
      expect([verb, code, err]).toEqual([
        verb,
        3,
        `hive-db: ${orders} does not exist, though a process has it open: it was deleted or moved since\n`,
      ]);
    }
  });
});

describe.skipIf(networkDisk === undefined)('a database on a network file system', () => {
  afterAll(() => {
    rmSync(networkDisk!, { recursive: true });
  });

  it.each([
    ['status', 1, /^ {2}file system +NFS, where the locks of SQLite do not hold$/m],
    ['status', 1, /^ {2}fail +network-file-system: it is on NFS/m],
    ['locks', 3, /is on NFS: who uses it on other hosts cannot be seen$/m],
    ['wal', 3, /is on NFS: who uses it on other hosts cannot be seen$/m],
    ['why', 3, /is on NFS: who uses it on other hosts cannot be seen$/m],
    ['diagnose', 1, /^error +network-file-system/m],
    ['health-check --dry-run', 0, /^error +network-file-system/m],
    ['health-check --fix', 0, /^error +network-file-system/m],
  ])('is said to be so by %s', async (verb, expected, words) => {
    left();
    const argv = [...verb.split(' '), path, '--runtime-dir', join(place.path, 'run')];
    const { code, out, err } = await realRun(argv, { LD_PRELOAD: join(networkDisk!, 'network-disk.so') });
    expect([code, `${out}${err}`]).toEqual([expected, expect.stringMatching(words)]);
    expect(rowsIn(path)).toBe(20);
  });
});

/** Puts something else in the place of a file. */
function replace(file: string, make: (at: string) => unknown): void {
  renameSync(file, join(place.path, 'was'));
  make(file);
}
