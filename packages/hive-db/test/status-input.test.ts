import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ExportDocument } from '../dist/documents/export.js';
import type { StatusDocument } from '../dist/documents/status.js';
import { run, type Outcome } from './support/command-line.ts';
import { startShop, startWriter } from './support/program.ts';
import { hangingUp, runtimeDirectory } from './support/runtime-directory.ts';
import { contract, misfits } from './support/schema.ts';
import { busyService, serviceSnapshot, tenantPattern, troubledService } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const ESCAPE = '\u001b';

/** Exports what the services say, lets a test change it, and shows it. */
async function shown(change: (document: ExportDocument) => unknown, ...argv: readonly string[]): Promise<Outcome> {
  using files = temporaryDirectory();
  await using directory = await runtimeDirectory(serviceSnapshot({ app: 'quiet', pid: 12 }), busyService());
  const path = join(files.path, 'state.json');
  await run(['export', '--output', path, '--runtime-dir', directory.path]);
  const document = JSON.parse(readFileSync(path, 'utf8')) as ExportDocument;
  writeFileSync(path, JSON.stringify(change(document)));
  return await run(['status', '-i', 'state.json', ...argv], { cwd: files.path });
}

/** Names and labels that would move the cursor, clear the screen or hide something. */
function hostile(document: ExportDocument): object {
  const [process] = document.processes;
  const [database] = process!.databases;
  const lane = { ...database!.lane, running: 1, writer: { label: `${ESCAPE}[2J`, held_seconds: 1 } };
  const evil = { ...database!, name: `${ESCAPE}]0;x\u0007`, status: `${ESCAPE}[31m`, driver: '\u009b31m', lane };
  const taken = { taken_at: `${ESCAPE}[2J`, app: `a${ESCAPE}[2J\u202e` };
  const unreachable = [{ pid: 1, state: 'silent', reason: `${ESCAPE}c` }];
  return { ...document, processes: [{ ...process!, ...taken, databases: [evil] }], unreachable };
}

/** What is younger than the contract is left out. */
function asOfEarlier(document: ExportDocument): unknown {
  const younger: ReadonlySet<string> = new Set(['offload', 'repair', 'refused', 'checkpoints', 'commits', 'turns']);
  return JSON.parse(JSON.stringify(document, (key, value: unknown) => (younger.has(key) ? undefined : value)));
}

describe('status --input', () => {
  it('shows what status would have shown then, and says when that was', async () => {
    using files = temporaryDirectory();
    const troubled = { ...troubledService(), pid: 13 };
    const served = {
      ...busyService(),
      http: { host: '127.0.0.1', port: 9_100 },
      onDemand: [tenantPattern()],
      settings: [{ key: 'database.log.level', value: 'debug', origin: 'by hand (process 12)' }],
    };
    await using directory = await runtimeDirectory(serviceSnapshot({ app: 'quiet', pid: 12 }), troubled, served);
    await directory.add(99, hangingUp);
    const path = join(files.path, 'state.json');
    await run(['export', '--output', path, '--runtime-dir', directory.path]);
    const then = await run(['status', '--runtime-dir', directory.path]);
    expect(await run(['status', '--input', path])).toEqual({
      code: 0,
      out: `as it was at 2026-11-21T12:00:00.000Z\n\n${then.out}`,
      err: 'hive-db: process 99 gave no usable answer: it hung up without an answer\n',
    });

    const { out } = await run(['status', '--json', '--runtime-dir', directory.path]);
    const later = await run(['status', '--json', '-i', path]);
    const document = JSON.parse(later.out) as object;
    expect(document).toEqual({ ...(JSON.parse(out) as object), taken_at: '2026-11-21T12:00:00.000Z' });
    expect(misfits(document, contract('status'))).toEqual([]);
  });

  it('shows an export of an earlier version, which said less', async () => {
    const { code, out } = await shown(asOfEarlier, '--json');
    expect(code).toBe(0);
    const document = JSON.parse(out) as StatusDocument;
    expect(misfits(document, contract('status'))).toEqual([]);
    expect(document.processes.map(({ offload, databases }) => [offload, databases[0]?.turns])).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  it('shows a real process after it has gone', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'state.json');
    await using shop = await startShop(directory.path);
    await run(['export', '--output', path, '--runtime-dir', shop.runtimeDirectory]);
    await shop.kill();
    const { code, out, err } = await run(['status', '-i', path]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      new RegExp(`^as it was at \\d{4}-.+Z\n\n  DATABASE .+\nshop {2}pid ${shop.pid} [^]+ orders +sqlite +open `),
    );
  });

  it('says that nobody was there', async () => {
    const nobody = await shown((document) => ({ ...document, processes: [] }));
    expect(nobody).toEqual({
      code: 0,
      out: 'as it was at a time that is not known\n',
      err: 'hive-db: no process was found when it was exported\n',
    });
  });

  it('takes no names and labels for commands to the terminal', async () => {
    for (const argv of [[], ['--json']]) {
      const { code, out, err } = await shown(hostile, ...argv);
      expect(code).toBe(0);
      // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
      expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    }
  });

  it('shows files that were exported as status would have shown them then', async () => {
    using files = temporaryDirectory();
    const { path: cwd } = files;
    await using writer = await startWriter(join(cwd, 'a.db'), 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)');
    // With --output nothing would be written, because one of them is none.
    writeFileSync(join(cwd, 'state.json'), (await run(['export', 'a.db', 'none'], { cwd })).out);
    const then = await run(['status', 'a.db'], { cwd });
    const json = JSON.parse((await run(['status', '--json', 'a.db', 'none'], { cwd })).out) as StatusDocument;
    await writer.kill();
    const { code, out, err } = await run(['status', '-i', 'state.json'], { cwd });
    expect({ code, err }).toEqual({ code: 0, err: 'hive-db: none was missing: does not exist\n' });
    expect(out.split('\n').slice(1).join('\n')).toBe(`\n${then.out}`);
    expect(out).toMatch(/^as it was at \d{4}-.+Z\n/);

    const later = JSON.parse((await run(['status', '--json', '-i', 'state.json'], { cwd })).out) as StatusDocument;
    expect(misfits(later, contract('status'))).toEqual([]);
    const free = { disk_free_bytes: expect.any(Number) as number };
    const [database, none] = json.files!;
    expect(later.files).toEqual([{ ...database, ...free }, none]);
  });

  it('believes no exported file that is at odds with itself, and takes none of its words for commands', async () => {
    using files = temporaryDirectory();
    const { path: cwd } = files;
    await using writer = await startWriter(join(cwd, 'a.db'), 'CREATE TABLE t (a)');
    expect(writer.pid).toBeGreaterThan(0);
    const { out } = await run(['export', 'a.db'], { cwd });
    const document = JSON.parse(out) as ExportDocument;
    const [file] = document.files!;
    const evil = `${ESCAPE}[2J`;
    const facts = { ...file!.facts, sqlite_version: evil, text_encoding: evil, network_file_system: evil };
    const changed = [
      { ...file!, path: evil, facts },
      { ...file!, reason: evil, facts: null },
    ];
    writeFileSync(join(cwd, 'state.json'), JSON.stringify({ ...document, files: changed }));
    const shownNow = await run(['status', '-i', 'state.json'], { cwd });
    expect(shownNow).toMatchObject({ code: 0, err: 'hive-db: a.db was unreadable: \u{FFFD}[2J\n' });
    expect(shownNow.out).not.toContain(ESCAPE);

    const broken = { ...document, files: [{ ...file!, facts: { ...facts, page_size_bytes: null } }] };
    writeFileSync(join(cwd, 'state.json'), JSON.stringify(broken));
    expect(await run(['status', '-i', 'state.json'], { cwd })).toMatchObject({
      code: 2,
      err: 'hive-db: --input state.json does not keep its contract: $.files[0].facts.page_size_bytes is not of type integer\n',
    });
  });

  it('knows nothing of fields that a later version may write', async () => {
    const { code, out } = await shown((document) => ({ ...document, surprise: 1 }), '--json');
    expect(code).toBe(0);
    expect(out).not.toContain('surprise');
  });

  it.each<[string, (document: ExportDocument) => unknown, string]>([
    ['a field is missing', ({ schema }) => ({ schema }), 'does not keep its contract: $.processes is missing'],
    [
      'a number is a text',
      (document) => ({ ...document, processes: [{ ...document.processes[0]!, pid: '12' }] }),
      'does not keep its contract: $.processes[0].pid is not of type integer',
    ],
    [
      'a word is not known',
      (document) => ({ ...document, processes: [{ ...document.processes[0]!, status: 'fine' }] }),
      'does not keep its contract: $.processes[0].status is no word that is known here',
    ],
    [
      'it is of another verb',
      () => ({ schema: 'hive-db/status/v1' }),
      'is hive-db/status/v1; expected hive-db/export/v1',
    ],
    [
      'it is of a later version',
      (document) => ({ ...document, schema: `hive-db/export/v2${ESCAPE}[2J` }),
      'is hive-db/export/v2\u{FFFD}[2J; expected hive-db/export/v1',
    ],
    [
      'it is of another program',
      () => ({ schema: 'theirs' }),
      'is not an export; hive-db export --output FILE makes one',
    ],
    ['it is a list', () => [1], 'is not an export; hive-db export --output FILE makes one'],
    ['it is null', () => null, 'is not an export; hive-db export --output FILE makes one'],
  ])('refuses a document in one sentence where %s', async (_, change, sentence) => {
    expect(await shown(change)).toEqual({ code: 2, out: '', err: `hive-db: --input state.json ${sentence}\n` });
  });

  it('refuses numbers that are none', async () => {
    using files = temporaryDirectory();
    await using directory = await runtimeDirectory(serviceSnapshot());
    const { out } = await run(['export', '--runtime-dir', directory.path]);
    const path = join(files.path, 'state.json');
    writeFileSync(path, out.replace(/"uptime_seconds": [\d.]+/, '"uptime_seconds": 1e999'));
    const { code, err } = await run(['status', '-i', path]);
    expect(code).toBe(2);
    expect(err).toMatch(/\$\.processes\[0\]\.uptime_seconds is not of type number\n$/);
  });

  it.each<[string, (path: string) => void, string]>([
    ['that is missing', () => undefined, 'does not exist'],
    ['that is a directory', (path) => mkdirSync(path), 'is a directory'],
    ['that is a pipe', (path) => spawnSync('/usr/bin/env', ['mkfifo', path]), 'is not a regular file'],
    ['that is empty', (path) => writeFileSync(path, ''), 'is not JSON'],
    ['that is a database', (path) => writeFileSync(path, 'SQLite format 3\0'), 'is not JSON'],
    [
      'that was cut off',
      (path) => writeFileSync(path, '{\n  "schema": "hive-db/export/v1",\n  "proc'),
      'is not JSON, or was cut off',
    ],
    ['that is nested too deep', (path) => writeFileSync(path, '['.repeat(1_000_000)), 'is nested too deeply'],
    ['that leads back to itself', (path) => symlinkSync(path, path), 'cannot be read: ELOOP'],
    [
      'of 100 MB, before it is read',
      (path) => {
        const descriptor = openSync(path, 'w');
        ftruncateSync(descriptor, 100 * 1024 * 1024);
        closeSync(descriptor);
      },
      'has 100 MiB; an export has 64 MiB at most',
    ],
  ])('refuses a file %s', async (_, make, sentence) => {
    using files = temporaryDirectory();
    make(join(files.path, 'x'));
    const outcome = await run(['status', '-i', 'x'], { cwd: files.path });
    expect(outcome).toEqual({ code: 2, out: '', err: `hive-db: --input x ${sentence}\n` });
  });

  it('refuses what can be no file, and files beside it', async () => {
    for (const [argv, sentence] of [
      [['--input='], '--input "" is no name that a file can have'],
      [['--input=a\0b'], '--input a\u{FFFD}b is no name that a file can have'],
      [['-i', 'x', 'data.db'], '--input shows an export, and no files beside it'],
    ] as const)
      expect(await run(['status', ...argv])).toEqual({ code: 2, out: '', err: `hive-db: ${sentence}\n` });
  });
});
