import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../dist/documents/status.js';
import type { LocksDocument } from '../dist/documents/locks.js';
import { run } from './support/command-line.ts';
import { startProgram, startShop } from './support/program.ts';
import { answering, hangingUp, runtimeDirectory } from './support/runtime-directory.ts';
import { databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** Every verb that asks the processes. */
const VERBS = [
  'status',
  'ps',
  'locks',
  'wal',
  'why orders',
  'health-check',
  'monitor',
  'diagnose',
  'deprecations',
  'export',
  'record',
];
/** No view hangs for 2 s, however bad those are who are looked at. Whoever hangs does it for longer than a busy machine makes of that. */
const HANG_MS = 6_000;
/** Everything that could move a cursor, ring, hide or reorder, but for the line ends that a text consists of. */
const CONTROL = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

interface Timed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly elapsedMs: number;
}

async function timed(argv: readonly string[]): Promise<Timed> {
  const begun = performance.now();
  const outcome = await run(argv);
  return { ...outcome, elapsedMs: performance.now() - begun };
}

/** A directory that belongs to another user: root can give one away, everybody else finds one. */
function foreignDirectory(place: string): string {
  if (process.geteuid?.() !== 0) return '/usr';
  const path = join(place, 'foreign');
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, 12_345, 12_345);
  return path;
}

describe('a process that', () => {
  it.each([
    ['silent', '50ms', 'there was no complete answer within 50 ms'],
    ['trickle', '50ms', 'there was no complete answer within 50 ms'],
    ['rubbish', '20s', 'the answer is not a JSON object'],
    ['binary', '20s', 'the answer breaks off'],
    ['flood', '20s', 'the answer is longer than 16777216 bytes'],
  ])('answers with %s is named with its reason', async (behaviour, timeout, reason) => {
    await using directory = await runtimeDirectory();
    await using hostile = startProgram('hostile.mjs', directory.path, behaviour);
    await hostile.line();
    const { code, out, err } = await run(['status', '--runtime-dir', directory.path, '--timeout', timeout]);
    expect({ code, out, err }).toEqual({
      code: 3,
      out: '',
      err: `hive-db: process ${hostile.pid} gives no usable answer: ${reason}\n`,
    });
  });

  describe('is bad in any of these ways', () => {
    const place = new AsyncDisposableStack();
    let directory: string;
    let pids: readonly number[];
    beforeAll(async () => {
      const { path } = place.use(await runtimeDirectory());
      const hostile = ['silent', 'rubbish', 'trickle', 'flood'].map((behaviour) =>
        place.use(startProgram('hostile.mjs', path, behaviour)),
      );
      await Promise.all(hostile.map((one) => one.line()));
      directory = path;
      pids = hostile.map(({ pid }) => pid);
    });
    afterAll(() => place.disposeAsync());

    it.each(VERBS)('keeps %s from nothing: it ends in time and says so', async (verb) => {
      const argv = [...verb.split(' '), '--runtime-dir', directory, '--timeout', '300ms'];
      const { code, out, err, elapsedMs } = await timed(argv);
      expect(code).toBe(3);
      expect(elapsedMs).toBeLessThan(HANG_MS);
      for (const pid of pids) expect(`${out}${err}`).toMatch(new RegExp(`process ${pid} (?:gives|does)`));
      expect(`${out}${err}`).not.toMatch(CONTROL);
      expect(`${out}${err}`).not.toMatch(/^ +at /m);
    });
  });
});

describe('a name that only a process could know which does not answer', () => {
  it.each(['why orders', 'locks orders', 'wal orders'])(
    'leaves %s without a result: it is not said to be a missing file',
    async (verb) => {
      await using directory = await runtimeDirectory();
      await directory.add(99, hangingUp);
      expect(await run([...verb.split(' '), '--runtime-dir', directory.path])).toEqual({
        code: 3,
        out: '',
        err: 'hive-db: process 99 gives no usable answer: it hung up without an answer\n',
      });
    },
  );
});

describe('a runtime directory', () => {
  it.each(VERBS)('that is missing has nobody in it for %s, and is not made', async (verb) => {
    using place = temporaryDirectory();
    const directory = join(place.path, 'none');
    const { code, err } = await run([...verb.split(' '), '--runtime-dir', directory]);
    expect(code).toBe(verb === 'health-check' ? 3 : verb === 'why orders' ? 2 : 0);
    expect(err).toMatch(verb === 'why orders' ? /does not exist/ : /^hive-db: no process found in .*\n$/);
    expect(existsSync(directory)).toBe(false);
  });

  it.each(VERBS)('of another user is refused by %s', async (verb) => {
    using place = temporaryDirectory();
    const { code, out, err } = await run([...verb.split(' '), '--runtime-dir', foreignDirectory(place.path)]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^hive-db: runtime directory .* belongs to user \d+, not to user \d+; .*\n$/);
  });

  it('full of rubbish is looked through, and nothing in it is opened', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    for (let index = 0; index < 2_000; index++) writeFileSync(join(directory.path, `\u001b[2J${index}\n.sock`), '');
    for (let pid = 1; pid <= 200; pid++) writeFileSync(join(directory.path, `process-${pid}-1.sock`), 'rubbish');
    mkdirSync(join(directory.path, 'process-301-1.sock'));
    symlinkSync('/dev/zero', join(directory.path, 'process-302-1.sock'));
    symlinkSync('nowhere', join(directory.path, 'process-303-1.sock'));
    // Whoever opened it would wait for a writer.
    spawnSync('mkfifo', [join(directory.path, 'process-304-1.sock')]);
    const { code, out, err, elapsedMs } = await timed(['status', '--runtime-dir', directory.path, '--timeout', '5s']);
    expect(code).toBe(0);
    expect(out).toMatch(/^shop {2}pid 4711/m);
    expect(err.match(/gives no usable answer: it is not a socket of this user$/gm)).toHaveLength(204);
    expect(err).not.toMatch(CONTROL);
    expect(elapsedMs).toBeLessThan(HANG_MS);
  });

  describe('with 1,000 sockets of the dead', () => {
    const place = temporaryDirectory();
    beforeAll(async () => {
      chmodSync(place.path, 0o700);
      await using graveyard = startProgram('graveyard.mjs', place.path, '1000');
      await graveyard.line();
    });
    afterAll(() => {
      place[Symbol.dispose]();
    });

    it.each(VERBS)('is empty for %s, at once, and they are left alone', async (verb) => {
      const before = readdirSync(place.path);
      expect(before).toHaveLength(1_000);
      const { code, err, elapsedMs } = await timed([...verb.split(' '), '--runtime-dir', place.path]);
      expect(code).toBe(verb === 'health-check' ? 3 : verb === 'why orders' ? 2 : 0);
      expect(err).toMatch(verb === 'why orders' ? /does not exist/ : /no process found/);
      expect(elapsedMs).toBeLessThan(HANG_MS);
      expect(readdirSync(place.path)).toEqual(before);
    });
  });
});

/** A process of another container: where its files are means nothing here. */
function of(app: string): ReturnType<typeof answering> {
  return answering(serviceSnapshot({ app, databases: [databaseSnapshot({ path: undefined })] }));
}

describe('two processes of one number, in different containers', () => {
  it('are both there', async () => {
    await using directory = await runtimeDirectory();
    await directory.add(77, of('one'));
    await directory.add(77, of('other'), 2);
    const { code, out } = await run(['status', '--json', '--runtime-dir', directory.path]);
    expect(code).toBe(0);
    const { processes } = JSON.parse(out) as StatusDocument;
    expect(processes.map(({ pid, app }) => `${app} ${pid}`).toSorted()).toEqual(['one 77', 'other 77']);
    for (const verb of ['monitor', 'diagnose', 'health-check', 'export'])
      expect((await run([verb, '--runtime-dir', directory.path])).code).toBe(0);
  });

  it('are not taken for each other: who has a lock here is the one that is here', async () => {
    using place = temporaryDirectory();
    await using shop = await startShop(place.path);
    await shop.tell('lock');
    await using impostors = await runtimeDirectory();
    // Sorted before and behind the real one, whose start is a longer number.
    await impostors.add(shop.pid, of('impostor'), 1, shop.runtimeDirectory);
    await impostors.add(shop.pid, of('impostor'), 99_999_999_999, shop.runtimeDirectory);
    const path = join(place.path, 'orders.db');
    const { code, out } = await run(['locks', path, '--json', '--runtime-dir', shop.runtimeDirectory]);
    expect(code).toBe(0);
    const { databases } = JSON.parse(out) as LocksDocument;
    expect(databases[0]?.write).toMatchObject({ pid: shop.pid, app: 'shop', label: 'move stock' });
    const { processes } = JSON.parse(
      (await run(['status', '--json', '--runtime-dir', shop.runtimeDirectory])).out,
    ) as StatusDocument;
    expect(processes.map(({ app }) => app)).toEqual(['shop', 'impostor', 'impostor']);
  });
});
