import type { ServiceSnapshot } from '@hive/shared-db';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { table } from '../dist/render/table.js';
import { ASKING_VERBS } from './support/asking-verbs.ts';
import { run, type Outcome } from './support/command-line.ts';
import { startProgram } from './support/program.ts';
import { realRun } from './support/real-run.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** Everything that could move a cursor, ring, hide or reorder, but for the line ends that a text consists of. */
const CONTROL = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
/** No view keeps a processor busy for longer than this. */
const MOST_WORK_MS = 2_000;
/** A run that is told little has a third of it. */
const MOST_BYTES = 256 * 1024 ** 2;

/** Runs a verb that ends by itself, or one that looks again and again for one look. */
function oneLook(verb: string, directory: string): Promise<Outcome> {
  const controller = new AbortController();
  const clock = {
    now: () => performance.now(),
    wait: () => {
      controller.abort();
      return Promise.resolve();
    },
  };
  const interruption = () => ({ signal: controller.signal, [Symbol.dispose]: () => undefined });
  return run([...verb.split(' '), '--runtime-dir', directory], { clock, interruption });
}

/** A busy process that says that its databases lie there. */
function saidToLieAt(path: string): ServiceSnapshot {
  const busy = busyService();
  return { ...busy, databases: busy.databases.map((database) => ({ ...database, path })) };
}

describe('a process that says that its database is', () => {
  it.each([
    ['something with a NUL', () => 'orders\0.db'],
    ['nothing', () => ''],
    ['a path that is too long', () => `/${'x'.repeat(5_000)}`],
    ['a name that has no room for an ending', (place: string) => join(place, 'x'.repeat(254))],
    ['a directory', (place: string) => place],
    ['a device without end', () => '/dev/zero'],
    ['a file of the system without end', () => '/proc/self/pagemap'],
    [
      'a link to itself',
      (place: string) => {
        symlinkSync('orders.db', join(place, 'orders.db'));
        return join(place, 'orders.db');
      },
    ],
    [
      'a pipe, with pipes beside it',
      (place: string) => {
        for (const ending of ['', '-wal', '-shm', '-journal']) spawnSync('mkfifo', [join(place, `orders.db${ending}`)]);
        return join(place, 'orders.db');
      },
    ],
    [
      'text beside which files are links to themselves and directories',
      (place: string) => {
        const path = join(place, 'orders.db');
        writeFileSync(path, 'hello');
        symlinkSync('orders.db-shm', `${path}-shm`);
        symlinkSync('orders.db-wal', `${path}-wal`);
        mkdirSync(`${path}-journal`);
        return path;
      },
    ],
    ['relative', () => 'orders.db'],
    ['a command for the terminal', () => '/\u001b[2J\u202e\n'],
  ])('%s is shown by every verb, or what cannot be looked at is named', async (_, pathIn) => {
    using place = temporaryDirectory();
    await using directory = await runtimeDirectory(saidToLieAt(pathIn(place.path)));
    for (const verb of ASKING_VERBS) {
      const { code, out, err } = await oneLook(verb, directory.path);
      expect([verb, code, err]).toEqual([verb, expect.toBeOneOf([0, 1, 2, 3]), err]);
      expect(err).toMatch(/^(?:hive-db: .*\n)*$/);
      expect(`${out}${err}`).not.toMatch(CONTROL);
    }
  });
});

describe('a process whose answer would take the reader time and memory', () => {
  /** One that asks for snapshots, and the one that asks for recordings. */
  const ASKING = ['status', 'record'];
  /** Of each way to make something of an answer, one. */
  const ASKING_WHAT = ['status', 'why orders', 'health-check', 'diagnose', 'record', 'flush --all'];

  it.each([
    ['nesting', 'the answer is nested too deeply', ASKING],
    ['nestingClosed', 'the answer is nested too deeply', ASKING],
    ['dense', 'the answer has too many parts for its length', ASKING_WHAT],
    ['flood', 'the answer is longer than 16777216 bytes', ASKING],
  ])('%s is named, with little of both', async (behaviour, reason, verbs) => {
    await using directory = await runtimeDirectory();
    await using hostile = startProgram('hostile.mjs', directory.path, behaviour);
    await hostile.line();
    for (const verb of verbs) {
      const { code, out, err, peakBytes, workMs } = await realRun([
        ...verb.split(' '),
        '--runtime-dir',
        directory.path,
        '--timeout',
        '5s',
      ]);
      expect([verb, code]).toEqual([verb, 3]);
      expect(`${out}${err}`.replaceAll(/\s+/g, ' ')).toContain(reason);
      expect(peakBytes).toBeLessThan(MOST_BYTES);
      expect(workMs).toBeLessThan(MOST_WORK_MS);
    }
  });

  it('is one of forty that pour, and an honest one is heard all the same', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    await using hostile = startProgram('hostile.mjs', directory.path, 'flood', '40');
    await hostile.line();
    const { code, out, peakBytes } = await realRun(['status', '--runtime-dir', directory.path, '--timeout', '5s']);
    expect(code).toBe(0);
    expect(out).toMatch(/^shop {2}pid 4711/m);
    expect(peakBytes).toBeLessThan(MOST_BYTES);
  });
});

describe('ten thousand databases', () => {
  /** Those that work out most; the others are asked about a tenth of it. */
  const THOROUGH = ['status', 'top --interval 0s', 'monitor', 'diagnose'];

  it.each([
    [10_000, THOROUGH],
    [1_000, ASKING_VERBS.filter((verb) => !THOROUGH.includes(verb))],
  ])(
    'are shown by every verb before anybody would think that it hangs: %d',
    async (count, verbs) => {
      const databases = Array.from({ length: count }, (_, index) =>
        databaseSnapshot({ name: `db${index}`, path: `/nowhere/db${index}.db` }),
      );
      await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
      for (const verb of verbs) {
        const begun = process.cpuUsage();
        const { code } = await oneLook(verb, directory.path);
        expect([verb, code]).toEqual([verb, expect.toBeOneOf([0, 2, 3])]);
        // Of work, which does not grow with that of others on the machine: this process also is the one that is asked.
        const workMs = process.cpuUsage(begun).user / 1_000;
        expect([verb, workMs]).toEqual([verb, expect.toSatisfy((ms: number) => ms < Math.max(1_000, count / 2))]);
      }
    },
    120_000,
  );

  it('have a table that takes no longer for each row than ten have', () => {
    const columns = Array.from({ length: 7 }, (_, index) => ({ head: `COLUMN ${index}` }));
    const rows = Array.from({ length: 20_000 }, (_, row) => columns.map(({ head }) => `${head} ${row}`));
    const begun = process.cpuUsage();
    const text = table(columns, rows, { width: 80, paint: (_, plain) => plain });
    expect(text.split('\n')).toHaveLength(20_002);
    expect(process.cpuUsage(begun).user / 1_000).toBeLessThan(2_000);
  }, 120_000);
});
