import type { DatabaseSnapshot } from '@hive/shared-db';
import { assert, asyncProperty, constantFrom, double, infiniteStream, integer, oneof, string } from 'fast-check';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { HealthDocument } from '../dist/documents/health.js';
import type { StatusDocument } from '../dist/documents/status.js';
import { run } from './support/command-line.ts';
import { startProgram, startShop } from './support/program.ts';
import { replay } from './support/replay.ts';
import { runtimeDirectory, hangingUp, saying, silent } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot, troubledService } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const VERBS = [
  ['status'],
  ['ps'],
  ['top', '--interval', '0s'],
  ['health-check'],
  ['monitor'],
  ['diagnose'],
  ['deprecations'],
  ['export'],
] satisfies readonly (readonly string[])[];
const EVIL = 'x\u001b[2J\u0007\u009b31m\r\n\u202e\u2028\u{e0001}y\ud800';
/** Everything that could move a cursor, ring, hide or reorder, but for the line ends that a text consists of. */
const CONTROL = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** A busy machine is no reason to fail. */
const LONG = { timeout: 15_000, interval: 50 };

async function ask(directory: string, verb: readonly string[], ...more: readonly string[]) {
  return run([...verb, '--runtime-dir', directory, ...more]);
}

describe('a process that does not answer', () => {
  it.each(VERBS)('is named with its reason by %s, and the others are shown', async (...verb) => {
    await using directory = await runtimeDirectory(busyService());
    await directory.add(99, hangingUp);
    const { code, out, err } = await ask(directory.path, verb);
    expect(`${out}${err}`).toMatch(/process 99 .*: it hung up without an answer/);
    expect(out).toContain(verb[0] === 'diagnose' ? 'in 1 process' : 'shop');
    expect(code).toBe(verb[0] === 'health-check' ? 3 : verb[0] === 'diagnose' ? 1 : 0);
  });

  it.each(VERBS)('leaves %s without a result when it is the only one', async (...verb) => {
    await using directory = await runtimeDirectory();
    await directory.add(99, silent);
    const { code, out, err } = await ask(directory.path, verb, '--timeout', '50ms');
    expect(code).toBe(3);
    expect(`${out}${err}`).toMatch(/process 99 .*: there was no complete answer within 50 ms/);
  });

  it('is told apart from one that says rubbish', async () => {
    await using directory = await runtimeDirectory();
    await directory.add(98, hangingUp);
    await directory.add(99, saying('{"schema":"something else"}\n'));
    const { out } = await ask(directory.path, ['diagnose'], '--json');
    const { findings } = JSON.parse(out) as { findings: { severity: string; code: string }[] };
    expect(findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual(['error silent', 'warning rubbish']);
  });

  it('is told apart from one of a version that knows more states', async () => {
    const database = { ...databaseSnapshot(), status: 'hibernating' } as unknown as DatabaseSnapshot;
    await using directory = await runtimeDirectory(serviceSnapshot({ databases: [database] }));
    const { code, err } = await ask(directory.path, ['health-check']);
    expect(code).toBe(3);
    expect(err).toBe(
      'hive-db: process 4711 gives no usable answer: snapshot.databases[0].status is no word that is known here\n',
    );
  });

  it('is a real process that was stopped', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    shop.process.kill('SIGSTOP');
    const { code, out, err } = await ask(shop.runtimeDirectory, ['status'], '--timeout', '200ms');
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(
      new RegExp(`^hive-db: process ${shop.pid} gives no usable answer: there was no complete answer`),
    );
  });
});

describe('a process whose main thread is stuck', () => {
  it('answers all the same, and says for how long', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('freeze');
    const { code, out, err } = await ask(shop.runtimeDirectory, ['status'], '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [process] = (JSON.parse(out) as StatusDocument).processes;
    expect(process).toMatchObject({ pid: shop.pid, app: 'shop', blocked_by: null });
    expect(process?.event_loop_blocked_seconds).toBeGreaterThan(0);
    expect(process?.databases.map(({ name }) => name)).toEqual(['orders', 'stock']);
  });

  it('names the call and the statement that it is stuck in, and is not well', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('count');
    await vi.waitFor(async () => {
      const { code, out } = await ask(shop.runtimeDirectory, ['health-check'], '--json', '--timeout', '2s');
      const [process] = (JSON.parse(out) as HealthDocument).processes;
      expect(code).toBe(1);
      expect(process).toMatchObject({
        status: 'fail',
        blocked_by: { label: 'count to a lot', statement: expect.stringMatching(/^WITH RECURSIVE/) as string },
        reasons: [{ status: 'fail', code: 'blocked', database: null }],
      });
    }, LONG);
    const { out } = await ask(shop.runtimeDirectory, ['status']);
    expect(out).toMatch(/^shop {2}pid \d+ {2}up .+ {2}stuck for .+ inside "count to a lot"$/m);
  });
});

describe('a process that ends', () => {
  it('is not there any more, though its socket may be', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.kill();
    const { code, out, err } = await ask(shop.runtimeDirectory, ['status'], '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ schema: 'hive-db/status/v1', processes: [] });
    expect(err).toMatch(/no process found/);
  });

  it('between being listed and being asked is without an answer, not an error', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    await using mortal = startProgram('mortal.mjs', directory.path);
    await mortal.line();
    const { code, out, err } = await ask(directory.path, ['status']);
    expect(code).toBe(0);
    expect(out).toMatch(/^shop {2}pid 4711/m);
    expect(err).toBe(`hive-db: process ${mortal.pid} gives no usable answer: it hung up without an answer\n`);
  });
});

describe('what another process says', () => {
  const [database] = busyService().databases;
  const { databases, offload } = troubledService();
  const [troubled] = databases;
  const evilCrew = {
    ...offload.threads,
    running: [{ database: EVIL, label: EVIL, statement: EVIL, runningMs: 1, stuck: true, pid: 1 }],
  };
  const evil = serviceSnapshot({
    app: EVIL,
    databases: [
      {
        ...database!,
        name: EVIL,
        driver: EVIL,
        path: EVIL,
        failure: { code: EVIL, message: EVIL },
        status: 'failed',
        repair: { sinceMs: 1, attempts: 1, phase: 'waiting', nextAttemptMs: 1, found: EVIL, damaged: true },
        turns: { ...troubled!.turns!, reason: EVIL },
        lane: {
          ...database!.lane,
          waiting: 1,
          running: 1,
          oldestWaitMs: 9_000,
          writer: { label: EVIL, heldMs: 1, lockedMs: 1, changedMs: 1 },
        },
        leases: [
          {
            id: 1,
            resourceId: 1,
            owner: EVIL,
            ageMs: 40_000,
            idleMs: 40_000,
            suspect: true,
            acquiredAt: EVIL,
            allowedMs: undefined,
            use: 'read',
          },
        ],
      },
      databaseSnapshot({
        name: EVIL,
        pool: { leased: 4 },
        leases: [
          {
            id: 1,
            resourceId: 1,
            owner: EVIL,
            ageMs: 1,
            idleMs: 1,
            suspect: false,
            acquiredAt: EVIL,
            allowedMs: undefined,
            use: 'read',
          },
        ],
      }),
    ],
    offload: { threads: evilCrew, processes: evilCrew },
    labels: [{ label: EVIL, calls: 10, failures: 10, sumMs: 9, maxMs: 3, callSite: undefined }],
    fallbacks: [{ database: EVIL, reason: EVIL }],
    deprecations: [{ code: EVIL, replacement: EVIL, calls: 1, callSites: [EVIL] }],
    warnings: [EVIL],
  });

  it.each(VERBS)('reaches a terminal through %s without any control character', async (...verb) => {
    await using directory = await runtimeDirectory(evil);
    const { code, out, err } = await ask(directory.path, verb);
    expect(code).toBe(0);
    expect(out).toContain('x');
    expect(out).not.toMatch(CONTROL);
    expect(err).not.toMatch(CONTROL);
  });

  it('is the same text in JSON, spelled without control characters', async () => {
    await using directory = await runtimeDirectory(evil);
    const { out } = await ask(directory.path, ['status'], '--json');
    expect(out).not.toMatch(CONTROL);
    const { processes } = JSON.parse(out) as { processes: { app: string }[] };
    expect(processes[0]?.app).toBe(EVIL);
  });

  it('may be any numbers and texts that fit a snapshot', async () => {
    const anyNumber = oneof(double({ noNaN: true, noDefaultInfinity: true }), integer());
    const anyText = oneof(string({ unit: 'binary', maxLength: 200 }), constantFrom('__proto__', 'constructor', EVIL));
    const anyStatus = constantFrom(...(['opening', 'open', 'fenced', 'failed', 'closed'] as const));
    await assert(
      asyncProperty(infiniteStream(anyNumber), infiniteStream(anyText), anyStatus, async (numbers, texts, status) => {
        const busy = busyService();
        const databases = busy.databases.map((one, index) => (index === 0 ? { ...one, status } : one));
        const snapshot = { ...scrambled({ ...busy, databases }, numbers, texts), pid: 4711 };
        await using directory = await runtimeDirectory(snapshot);
        for (const verb of VERBS) {
          const { code, out, err } = await ask(directory.path, verb);
          expect(err).toBe('');
          expect([0, 1]).toContain(code);
          expect(out).not.toMatch(CONTROL);
        }
        // The files that it names are not there, or are something else.
        const { code, out, err } = await ask(directory.path, ['locks']);
        expect([0, 3]).toContain(code);
        expect(`${out}${err}`).not.toMatch(CONTROL);
        expect(err).not.toMatch(/bug/);
      }),
      replay({ numRuns: 12 }),
    );
  }, 60_000);
});

describe('a runtime directory that cannot be trusted', () => {
  it.each([
    ['is open to others', (path: string) => mkdirMode(path, 0o755), /has mode 0755 instead of 0700/],
    ['is a file', (path: string) => writeFileSync(path, ''), /is not a directory/],
    ['is a symbolic link', (path: string) => symlinkSync('/tmp', path), /is a symbolic link/],
  ])('is refused when it %s', async (_, make, reason) => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'run');
    make(path);
    for (const verb of VERBS) {
      const { code, out, err } = await ask(path, verb);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(reason);
      expect(err).toMatch(/^hive-db: .*\n$/);
    }
  });

  it('is refused when its name is not absolute', async () => {
    expect(await run(['status'], { env: { HIVE_RUNTIME_DIR: '' } })).toEqual({
      code: 2,
      out: '',
      err: 'hive-db: environment: HIVE_RUNTIME_DIR must be an absolute path, not ""\n',
    });
    expect(await run(['status', '--runtime-dir', 'run'])).toEqual({
      code: 2,
      out: '',
      err: 'hive-db: --runtime-dir must be an absolute path, not "run"\n',
    });
  });

  it('may hold anything beside sockets', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    writeFileSync(join(directory.path, 'process-77-1.sock'), 'not a socket');
    writeFileSync(join(directory.path, 'notes.txt'), '');
    mkdirSync(join(directory.path, 'process-78-1.sock'));
    const { code, out, err } = await ask(directory.path, ['status']);
    expect(code).toBe(0);
    expect(out).toMatch(/^shop/m);
    expect(err).toBe(
      [77, 78]
        .map((pid) => `hive-db: process ${pid} gives no usable answer: it is not a socket of this user\n`)
        .join(''),
    );
  });
});

function mkdirMode(path: string, mode: number): void {
  mkdirSync(path);
  chmodSync(path, mode);
}

/** The same structure with other numbers and texts. */
function scrambled<T>(value: T, numbers: Iterator<number>, texts: Iterator<string>): T {
  const scramble = (part: unknown): unknown => {
    if (typeof part === 'number') return numbers.next().value;
    if (typeof part === 'string') return texts.next().value;
    if (Array.isArray(part)) return part.map((element) => scramble(element));
    if (typeof part !== 'object' || part === null) return part;
    // These are words of a list, and with another one it is not a snapshot.
    return Object.fromEntries(
      Object.entries(part).map(([key, field]) => [key, key === 'status' || key === 'use' ? field : scramble(field)]),
    );
  };
  return scramble(value) as T;
}
