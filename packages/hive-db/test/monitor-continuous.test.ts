import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import type { MonitorDocument } from '../dist/documents/monitor.js';
import type { Io } from '../dist/io.js';
import type { OpenTerminal } from '../dist/terminal.js';
import { run } from './support/command-line.ts';
import { answering, runtimeDirectory, hangingUp } from './support/runtime-directory.ts';
import { startWriter } from './support/program.ts';
import { contract, misfits } from './support/schema.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';

const BIN = join(import.meta.dirname, '../bin/hive-db.js');

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

  it('ends at once when it is interrupted, also while somebody does not answer', async () => {
    await using directory = await runtimeDirectory();
    const asked = Promise.withResolvers<void>();
    await directory.add(99, () => {
      asked.resolve();
    });
    const child = spawn(
      process.execPath,
      [BIN, '--timeout', '60s', 'monitor', '--continuous', '--runtime-dir', directory.path],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const errors = child.stderr.setEncoding('utf8').toArray();
    const exited = once(child, 'exit');
    await asked.promise;
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    expect(await errors).toEqual([]);
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

describe('monitor --continuous of files off a terminal', () => {
  it('prints what each is and who has which lock, and for how long it has seen that', async () => {
    using place = temporaryDirectory();
    const [path, link] = ['a.db', 'b.db'].map((name) => join(place.path, name));
    await using writer = await startWriter(path!, 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)', 'BEGIN IMMEDIATE');
    symlinkSync(path!, link!);
    const before = readdirSync(place.path);
    const { code, out, err } = await run(
      ['monitor', '--continuous', path!, link!],
      looking(3, async (look) => {
        if (look === 2) for (const line of ['INSERT INTO t VALUES (1)', 'COMMIT']) await writer.tell(line);
      }),
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const documents = documentsIn(out);
    for (const document of documents) expect(misfits(document, contract('monitor'))).toEqual([]);
    expect(documents.map(({ files }) => files?.map((file) => file.state === 'database' && file.wal?.frames))).toEqual([
      [2, 2],
      [2, 2],
      [3, 3],
    ]);
    // Both names are of one file.
    expect(documents.map(({ locks }) => locks?.map((one) => [one.write?.pid, one.write?.observed_seconds]))).toEqual([
      [[writer.pid, 0]],
      [[writer.pid, 1]],
      [[undefined, undefined]],
    ]);
    expect(readdirSync(place.path)).toEqual(before);
  });

  it('sees who reads and writes in rollback mode', async () => {
    using place = temporaryDirectory();
    const path = join(place.path, 'a.db');
    await using writer = await startWriter(path, 'CREATE TABLE t (a)', 'BEGIN IMMEDIATE');
    await using reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    const { out } = await run(['monitor', '--continuous', path], looking(1));
    const [locks] = documentsIn(out)[0]!.locks!;
    expect(locks).toMatchObject({ write: { pid: writer.pid }, wal: null });
    expect(locks!.readers.map(({ pid }) => pid)).toContain(reader.pid);
  });

  it('says that a file has gone once, and goes on', async () => {
    using place = temporaryDirectory();
    const path = join(place.path, 'a.db');
    writeFileSync(path, '');
    const { code, out, err } = await run(
      ['monitor', '--continuous', path],
      looking(4, (look) => {
        if (look === 2) rmSync(path);
      }),
    );
    expect(code).toBe(0);
    expect(documentsIn(out).map(({ files }) => files?.[0]?.state)).toEqual(['empty', 'empty', 'missing', 'missing']);
    expect(err).toBe(
      `hive-db: ${path} is empty: SQLite would take it for a new database\nhive-db: ${path} does not exist\n`,
    );
  });

  it('does not begin where no database is', async () => {
    using place = temporaryDirectory();
    const path = join(place.path, 'none.db');
    const outcome = await run(['monitor', '--continuous', path], looking(1));
    expect(outcome).toEqual({ code: 2, out: '', err: `hive-db: ${path} does not exist\n` });
  });
});

describe('monitor --continuous on a terminal', () => {
  const terminal = { columns: 80, rows: 24 };

  it.each([
    ['that cannot place a cursor', [], 'dumb'],
    ['when it is told to', ['--json'], 'xterm'],
  ])('prints lines on one %s', async (_, options, TERM) => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    const { code, out } = await run([...options, 'monitor', '--continuous', '--runtime-dir', directory.path], {
      terminal,
      openTerminal: () => {
        throw new Error('nobody wants it');
      },
      env: { TERM },
      ...looking(1),
    });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ schema: 'hive-db/monitor/v1' });
  });

  it('shows files that are named, and asks no process', async () => {
    using place = temporaryDirectory();
    const path = join(place.path, 'a.db');
    await using writer = await startWriter(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)', 'BEGIN IMMEDIATE');
    const keyboard = Promise.withResolvers<(text: string) => void>();
    const { code, out, err } = await run(['monitor', '--continuous', path, '--runtime-dir', path], {
      terminal,
      openTerminal: playedTerminal([], keyboard.resolve),
      ...looking(10),
      clock: {
        now: () => 0,
        wait: async () => {
          (await keyboard.promise)('q');
        },
      },
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('1 file  every 1 s');
    expect(out).toMatch(/write lock {2}a\.db +node writer\.mjs/);
    expect(out).not.toContain('looking for processes');
    await writer.tell('ROLLBACK');
  });

  it('asks nobody while it is paused', async () => {
    let questions = 0;
    await using directory = await runtimeDirectory();
    await directory.add(4711, (socket) => {
      questions++;
      answering(serviceSnapshot())(socket);
    });
    const keyboard = Promise.withResolvers<(text: string) => void>();
    const typed = [' ', '2', ' ', 'q'];
    const { code } = await run(['monitor', '--continuous', '--runtime-dir', directory.path], {
      terminal,
      openTerminal: playedTerminal([], keyboard.resolve),
      ...looking(10),
      clock: {
        now: () => 0,
        wait: async () => {
          (await keyboard.promise)(typed.shift() ?? 'q');
        },
      },
    });
    expect({ code, questions }).toEqual({ code: 0, questions: 2 });
  });

  it('gives the terminal back when it fails, and says that it is a bug', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    const done: string[] = [];
    const clock: Io['clock'] = { now: () => 0, wait: () => Promise.reject(new TypeError('no time')) };
    const { code, out, err } = await run(['monitor', '--continuous', '--runtime-dir', directory.path], {
      terminal,
      openTerminal: playedTerminal(done),
      ...looking(1),
      clock,
    });
    expect(code).toBe(70);
    expect(out.endsWith('\u001b[?7h\u001b[?25h\u001b[?1049l')).toBe(true);
    expect(done).toEqual(['take', 'dispose']);
    expect(err).toMatch(/this is a bug of hive-db: no time/);
  });
});

/** A terminal at which the test types; it notes what is done to it. */
function playedTerminal(
  done: string[] = [],
  opened: (type: (text: string) => void) => void = () => undefined,
): OpenTerminal {
  return (listener) => {
    opened((text) => {
      listener({ kind: 'typed', text });
    });
    return {
      size: { columns: 80, rows: 24 },
      hasKeys: true,
      wallTime: () => 0,
      take: () => done.push('take'),
      release: () => done.push('release'),
      stop: () => done.push('stop'),
      [Symbol.dispose]: () => done.push('dispose'),
    };
  };
}

function documentsIn(out: string): readonly MonitorDocument[] {
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as MonitorDocument);
}

interface Line {
  readonly schema: string;
  readonly processes: readonly { readonly databases: readonly { readonly rates: object }[] }[];
}
