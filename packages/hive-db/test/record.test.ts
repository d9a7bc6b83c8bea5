import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { RecordingDocument } from '../dist/documents/recording.js';
import { run } from './support/command-line.ts';
import { startProgram, startShop } from './support/program.ts';
import { databaseRecording, incident } from './support/recordings.ts';
import { answering, hangingUp, recounting, runtimeDirectory, silent } from './support/runtime-directory.ts';
import { contract, misfits } from './support/schema.ts';
import { serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** A busy machine is no reason to fail. */
const LONG = { timeout: 20_000, interval: 100 };

describe('record', () => {
  it('prints the recordings of all processes as one document, on one line', async () => {
    await using directory = await runtimeDirectory();
    await directory.add(12, recounting({ ...incident(12), unrecorded: 2, startedAt: 1e300 }));
    await directory.add(4711, recounting(incident()));
    const { code, out, err } = await run(['record', '--runtime-dir', directory.path]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.indexOf('\n')).toBe(out.length - 1);
    const document = JSON.parse(out) as RecordingDocument;
    expect(misfits(document, contract('recording'))).toEqual([]);
    expect(document.processes.map(({ pid }) => pid)).toEqual([12, 4711]);
    expect(document.processes[0]).toMatchObject({ unrecorded_databases: 2, started_at: null });
    expect(document.processes[1]).toMatchObject({
      app: 'shop',
      started_at: '2026-11-21T10:52:00.000Z',
      step_seconds: 1,
      at: [0, 1, 2, 3, 4].map((second) => `2026-11-21T11:52:0${second}.000Z`),
      event_loop_blocked_seconds: [0, 0, 0.7, 1.7, 0],
      databases: [
        {
          name: 'orders',
          pool_in_use: [0, 4, 4, 4, 0],
          oldest_wait_seconds: [0, 0.9, 1.9, 2.9, 0],
          wal_size_bytes: [4_096, null, 4_096, 4_096, 8_192],
        },
      ],
    });
  });

  it('asks a real process, also one that is stuck', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('freeze');
    await vi.waitFor(async () => {
      const { code, out } = await run(['record', '--runtime-dir', shop.runtimeDirectory]);
      expect(code).toBe(0);
      const document = JSON.parse(out) as RecordingDocument;
      expect(misfits(document, contract('recording'))).toEqual([]);
      const [process] = document.processes;
      expect(process).toMatchObject({ pid: shop.pid, app: 'shop', databases: [{ name: 'orders' }, { name: 'stock' }] });
      expect(Math.max(...(process?.event_loop_blocked_seconds ?? []))).toBeGreaterThan(1);
    }, LONG);
  });

  it('says who gives none, and keeps the others', async () => {
    await using directory = await runtimeDirectory();
    await directory.add(12, recounting(incident(12)));
    await directory.add(98, answering(serviceSnapshot({ pid: 98 })));
    await directory.add(99, hangingUp);
    const { code, out, err } = await run(['record', '--runtime-dir', directory.path]);
    expect(code).toBe(0);
    const document = JSON.parse(out) as RecordingDocument;
    expect(misfits(document, contract('recording'))).toEqual([]);
    expect(document.unreachable?.map(({ pid, state }) => [pid, state])).toEqual([
      [98, 'rubbish'],
      [99, 'silent'],
    ]);
    expect(err).toBe(
      'hive-db: process 98 gives no usable answer: it answered another question\n' +
        'hive-db: process 99 gives no usable answer: it hung up without an answer\n',
    );
  });

  it('could not be determined where nobody gives one', async () => {
    await using directory = await runtimeDirectory();
    await directory.add(99, silent);
    const { code, err } = await run(['record', '--runtime-dir', directory.path, '--timeout', '50ms']);
    expect(code).toBe(3);
    expect(err).toBe('hive-db: process 99 gives no usable answer: there was no complete answer within 50 ms\n');
  });
});

describe('record --output', () => {
  it('saves a file that only this user may read, and replaces it by a later one', async () => {
    using files = temporaryDirectory();
    await using directory = await runtimeDirectory();
    await directory.add(12, recounting(incident(12)));
    const path = join(files.path, 'incident.json');
    const argv = ['record', '--output', path, '--runtime-dir', directory.path];
    const { code, out, err } = await run(argv);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toBe(`hive-db: the recordings of 1 process saved to ${path}; hive-db replay shows them\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await directory.add(13, recounting(incident(13)));
    expect((await run(argv)).code).toBe(0);
    expect((JSON.parse(readFileSync(path, 'utf8')) as RecordingDocument).processes).toHaveLength(2);
    expect(readdirSync(files.path)).toEqual(['incident.json']);
  });

  it('does not replace what was saved by nothing', async () => {
    using files = temporaryDirectory();
    const path = join(files.path, 'incident.json');
    {
      await using directory = await runtimeDirectory();
      await directory.add(12, recounting(incident(12)));
      await run(['record', '--output', path, '--runtime-dir', directory.path]);
    }
    const before = readFileSync(path, 'utf8');
    await using directory = await runtimeDirectory();
    await directory.add(99, hangingUp);
    const { code, err } = await run(['record', '--output', path, '--runtime-dir', directory.path]);
    expect(code).toBe(3);
    expect(err).toMatch(new RegExp(`nothing to save; ${path} is as it was\n$`));
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it.each([
    ['an export', (path: string) => writeFileSync(path, '{\n  "schema": "hive-db/export/v1"\n}')],
    ['an empty file', (path: string) => writeFileSync(path, '')],
    ['a directory', (path: string) => mkdirSync(path)],
  ])('refuses %s', async (_, make) => {
    using files = temporaryDirectory();
    const path = join(files.path, 'x');
    make(path);
    await using directory = await runtimeDirectory();
    await directory.add(12, recounting(incident(12)));
    const { code, out, err } = await run(['record', '--output', path, '--runtime-dir', directory.path]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe(`hive-db: --output ${path} is there already and is no earlier recording; name a new file\n`);
    expect(readdirSync(files.path)).toEqual(['x']);
  });

  it('never touches a database', async () => {
    using files = temporaryDirectory();
    const path = join(files.path, 'orders.db');
    await using writer = startProgram('writer.mjs', path);
    await writer.line();
    await writer.tell('CREATE TABLE t (a)');
    const before = readFileSync(path);
    const { code } = await run(['record', '--output', path, '--runtime-dir', join(files.path, 'none')]);
    expect(code).toBe(2);
    expect(readFileSync(path)).toEqual(before);
  });
});

describe('a recording of many databases', () => {
  it('arrives whole from a process with as many as are recorded, over a quarter of an hour', async () => {
    const steps = Array.from({ length: 900 }, () => 0);
    const databases = Array.from({ length: 32 }, (_, index) => databaseRecording(`db-${index}`, steps.length));
    await using directory = await runtimeDirectory();
    const whole = { ...incident(), at: steps, blockedMs: steps, memoryBytes: steps, databases };
    await directory.add(4711, recounting(whole));
    const { code, out } = await run(['record', '--runtime-dir', directory.path]);
    expect(code).toBe(0);
    expect((JSON.parse(out) as RecordingDocument).processes[0]?.databases).toHaveLength(32);
  });
});
