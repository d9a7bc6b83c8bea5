import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import type { MonitorDocument } from '../dist/documents/monitor.js';
import type { Io } from '../dist/io.js';
import { run } from './support/command-line.ts';
import { answering, runtimeDirectory, hangingUp } from './support/runtime-directory.ts';
import { startWriter } from './support/program.ts';
import { contract, misfits } from './support/schema.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';

const BIN = join(import.meta.dirname, '../bin/hive-db.js');
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

/** Lets a run look `looks` times, without any time passing, and then interrupts it. */
function looking(
  looks: number,
  between: (look: number) => unknown = () => undefined,
): Pick<Parameters<typeof run>[1] & object, 'clock' | 'interruption'> {
  const controller = new AbortController();
  let left = looks;
  let now = 0;
  const clock: Io['clock'] = {
    now: () => now,
    wait: async (delayMs) => {
      now += delayMs;
      await between(looks - left + 1);
      if (--left <= 0) controller.abort();
    },
  };
  return { clock, interruption: () => ({ signal: controller.signal, [Symbol.dispose]: () => undefined }) };
}

describe('monitor --continuous off a terminal', () => {
  it('prints one JSON object a line, with rates since the line before', async () => {
    let reads = 1_000;
    await using directory = await runtimeDirectory();
    await directory.add(4711, (socket) => {
      const uptimeMs = 10_000 + (reads - 1_000) * 10;
      answering(serviceSnapshot({ uptimeMs, databases: [databaseSnapshot({ counters: { reads } })] }))(socket);
    });
    const { code, out, err } = await run(
      ['monitor', '--continuous', '--runtime-dir', directory.path],
      looking(3, () => (reads += 200)),
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines.map(({ schema }) => schema)).toEqual(Array.from({ length: 3 }, () => 'hive-db/monitor/v1'));
    expect(lines.map(({ processes: [process] }) => process?.databases[0]?.rates)).toMatchObject([
      { window_seconds: 10, reads_per_second: 100 },
      { window_seconds: 2, reads_per_second: 100 },
      { window_seconds: 2, reads_per_second: 100 },
    ]);
  });

  it('says for how long it has seen a stranger with a lock', async () => {
    using place = temporaryDirectory();
    const path = join(place.path, 'a.db');
    await using writer = await startWriter(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)', 'BEGIN IMMEDIATE');
    const databases = [databaseSnapshot({ path })];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const lines = ['ROLLBACK', 'BEGIN IMMEDIATE'];
    const { out } = await run(
      ['monitor', '--continuous', '--runtime-dir', directory.path],
      looking(5, async (look) => {
        // Seen three times, then not, then again.
        const line = look < 3 ? undefined : lines[look - 3];
        if (line !== undefined) await writer.tell(line);
      }),
    );
    const documents = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as MonitorDocument);
    for (const document of documents) expect(misfits(document, contract('monitor'))).toEqual([]);
    const writes = documents.map(({ locks }) => locks?.[0]?.write);
    expect(writes.map((write) => write?.pid)).toEqual([writer.pid, writer.pid, writer.pid, undefined, writer.pid]);
    expect(writes.map((write) => write?.observed_seconds)).toEqual([0, 1, 2, undefined, 0]);
  });

  it('does not take a later process of the same number for the same', async () => {
    let startedAt = 1;
    await using directory = await runtimeDirectory();
    await directory.add(4711, (socket) => answering(serviceSnapshot({ startedAt, uptimeMs: 1_000 }))(socket));
    const { out } = await run(
      ['monitor', '--continuous', '--runtime-dir', directory.path],
      looking(2, () => startedAt++),
    );
    const windows = out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as Line).processes[0]?.databases[0]?.rates);
    expect(windows).toMatchObject([{ window_seconds: 1 }, { window_seconds: 1 }]);
  });

  it('says who does not answer once, not with every line', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    await directory.add(99, hangingUp);
    const { out, err } = await run(['monitor', '--continuous', '--runtime-dir', directory.path], looking(3));
    expect(out.trimEnd().split('\n')).toHaveLength(3);
    expect(err).toBe('hive-db: process 99 gives no usable answer: it hung up without an answer\n');
  });

  it('ends when its reader goes away', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    const child = spawn(
      process.execPath,
      [BIN, 'monitor', '--continuous', '--interval', '100ms', '--runtime-dir', directory.path],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const errors = child.stderr.setEncoding('utf8').toArray();
    const exited = once(child, 'exit');
    await once(createInterface(child.stdout), 'line');
    child.stdout.destroy();
    expect(await exited).toEqual([0, null]);
    expect((await errors).join('')).toBe('');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)('ends well on %s', async (signal) => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    const child = spawn(process.execPath, [BIN, 'monitor', '--continuous', '--runtime-dir', directory.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    await once(createInterface(child.stdout), 'line');
    child.kill(signal);
    expect(await exited).toEqual([0, null]);
  });
});

describe('monitor --continuous on a terminal', () => {
  const terminal = { columns: 80, rows: 12 };

  it('draws a compact screen beside the own one, and gives that back', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot({ app: 'quiet', pid: 12 }), busyService());
    const { code, out, err } = await run(['monitor', '--continuous', '--runtime-dir', directory.path], {
      terminal,
      env: { NO_COLOR: '1' },
      ...looking(2),
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.startsWith(ENTER)).toBe(true);
    expect(out.endsWith(LEAVE)).toBe(true);
    expect(out.split(ENTER)).toHaveLength(2);
    const frames = out.slice(ENTER.length, -LEAVE.length).split('\u001b[?2026h\u001b[H').slice(1);
    expect(frames).toHaveLength(2);
    expect(drawn(frames[1]!)).toEqual([
      'hive-db monitor: 2 processes; every 1 s, Ctrl-C ends it',
      '',
      'APP     PID  DATABASE  HEALTH    USE  WAIT  ACQ p95  READS  WRITES  ERRORS',
      'quiet    12  orders    pass     25 %     0        -      -       -       -',
      'shop   4711  orders    warn    100 %     5    95 ms      -       -       -',
      'shop   4711  stock     warn     25 %     0        -      -       -       -',
      '',
      'warning shop orders: 5 of 5 connections are in use (100 %), 3 callers waiting',
      'warning shop orders: 3 callers waiting for a connection, the oldest for 4.2 s',
      'warning shop orders: 1 lease held longer than 30 s: "nightly import" for 41.2 s',
      'warning shop stock: it is out of order: HIVEDB_E_PATH: /srv/stock.db is a direc…',
      '... and 6 more',
    ]);
  });

  it.each([
    [1, 1],
    [20, 3],
    [80, 6],
    [200, 50],
  ])('never draws beyond %i columns and %i rows', async (columns, rows) => {
    const services = Array.from({ length: 20 }, (_, index) => ({ ...busyService(), pid: index + 1 }));
    await using directory = await runtimeDirectory(...services);
    const { out } = await run(['monitor', '--continuous', '--runtime-dir', directory.path], {
      terminal: { columns, rows },
      env: { NO_COLOR: '1' },
      ...looking(1),
    });
    const lines = drawn(out.split('\u001b[?2026h\u001b[H')[1]!);
    expect(lines.length).toBeLessThanOrEqual(rows);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(columns, 1));
  });

  it('gives the terminal back when it fails', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    const clock: Io['clock'] = { now: () => 0, wait: () => Promise.reject(new TypeError('no time')) };
    const { code, out, err } = await run(['monitor', '--continuous', '--runtime-dir', directory.path], {
      terminal,
      ...looking(1),
      clock,
    });
    expect(code).toBe(70);
    expect(out.endsWith(LEAVE)).toBe(true);
    expect(err).toMatch(/this is a bug of hive-db: no time/);
  });

  const pseudoTerminal = spawnSync('/usr/bin/env', ['script', '--version']).status === 0;

  it.skipIf(!pseudoTerminal)('leaves a real terminal as it was on Ctrl-C', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    // The shell itself must outlive Ctrl-C, whichever shell it is: without the trap some die of it.
    const command = `trap : INT; stty cols 80 rows 24; '${process.execPath}' '${BIN}' monitor --continuous --runtime-dir '${directory.path}'; echo "code $?"; stty -a`;
    const child = spawn('/usr/bin/env', ['script', '-qefc', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      // What the terminal's own keyboard would send.
      if (shown.includes('shop') && !child.stdin.writableEnded) child.stdin.end('\u0003');
    });
    await once(child, 'close');
    const [before, after] = shown.split(LEAVE);
    expect(before).toContain(ENTER);
    expect(before).toContain('hive-db monitor: 1 process; every 1 s, Ctrl-C ends it');
    expect(after).toMatch(/code 0\r\n/);
    // The terminal still echoes and reads lines, and nothing draws any more.
    expect(after).toMatch(/\bicanon\b/);
    expect(after).toMatch(/ echo\b/);
    expect(after).not.toContain('\u001b');
  });
});

interface Line {
  readonly schema: string;
  readonly processes: readonly { readonly databases: readonly { readonly rates: object }[] }[];
}

/** The lines of one drawing. */
function drawn(frame: string): readonly string[] {
  const [lines = ''] = frame.split('\u001b[J');
  return lines.split('\r\n').map((line) => line.replace('\u001b[K', ''));
}
