import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startProgram } from './support/program.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot, troubledService } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

interface Diagnosis {
  readonly examined: object;
  readonly counts: object;
  readonly findings: readonly {
    readonly code: string;
    readonly evidence: string;
    readonly advice: string;
    readonly command: string | null;
  }[];
}

async function diagnose(directory: string): Promise<Diagnosis & { readonly code: number }> {
  const { code, out } = await run(['diagnose', '--json', '--runtime-dir', directory]);
  return { code, ...(JSON.parse(out) as Diagnosis) };
}

describe('diagnose', () => {
  it('finds nothing in processes that are well', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot(), serviceSnapshot({ pid: 12 }));
    expect(await run(['diagnose', '--runtime-dir', directory.path])).toEqual({
      code: 0,
      out: 'nothing found in 2 processes\n',
      err: '',
    });
  });

  it('has nothing to say of nobody', async () => {
    using directory = temporaryDirectory();
    const { code, out, err } = await run(['diagnose', '--runtime-dir', directory.path]);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toMatch(/no process found/);
  });

  it('shows severity, place, evidence and what mends it', async () => {
    await using directory = await runtimeDirectory(busyService());
    const { code, out } = await run(['diagnose', '--runtime-dir', directory.path]);
    // Warnings are no failure.
    expect(code).toBe(0);
    expect(out).toContain(
      [
        'warning  failed  stock in shop (pid 4711)',
        '  it is out of order: HIVEDB_E_PATH: /srv/stock.db is a directory',
        '  fix: remove the cause and restart the process; the other databases go on',
        '  without it',
      ].join('\n'),
    );
    expect(out).toMatch(/\n10 warnings in 1 process\n$/);
  });

  it('exits with 1 for an error, which comes first', async () => {
    const databases = [
      databaseSnapshot({ pool: { leased: 4 } }),
      databaseSnapshot({ status: 'fenced', required: true }),
    ];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { code, findings, counts, examined } = await diagnose(directory.path);
    expect(code).toBe(1);
    expect(findings.map((finding) => finding.code)).toEqual(['fenced', 'saturated']);
    expect(counts).toEqual({ error: 1, warning: 1, info: 0 });
    expect(examined).toEqual({ processes: 1, files: 0 });
  });

  it('names a full disk, and blames no transaction for it', async () => {
    const counters = { writes: 60, rolledBack: 53, errors: { HIVEDB_E_DISK_FULL: 53 } };
    await using directory = await runtimeDirectory(serviceSnapshot({ databases: [databaseSnapshot({ counters })] }));
    const { findings } = await diagnose(directory.path);
    expect(findings.map(({ code, evidence }) => [code, evidence])).toEqual([
      ['disk-full', 'the disk or the database was full at 53 writes since the process started'],
    ]);
  });

  it.each([
    [1, 'warning', '1 thread of 4, spares included, ', '; 3 are left'],
    [4, 'error', '4 threads of 4, spares included, ', '; none is left: offload refuses'],
  ])('names the statement that a thread is lost to: %i stuck', async (stuck, severity, begin, end) => {
    const { offload } = troubledService();
    const threads = { ...offload.threads, stuck };
    await using directory = await runtimeDirectory(serviceSnapshot({ offload: { ...offload, threads } }));
    const { findings } = await diagnose(directory.path);
    expect(findings).toMatchObject([
      {
        code: 'stuck-read',
        severity,
        database: 'orders',
        command: expect.stringMatching(/ ps --kind stuck$/) as string,
      },
    ]);
    expect(findings[0]?.evidence).toMatch(/"yearly sums" for 41\.2 s: SELECT sum\(amount\) FROM orders, stock/);
    expect([findings[0]?.evidence.startsWith(begin), findings[0]?.evidence.endsWith(end)]).toEqual([true, true]);
  });

  it('has a command for what is said of logs, turns and commits', async () => {
    const [orders] = troubledService().databases;
    await using directory = await runtimeDirectory(
      serviceSnapshot({ databases: [{ ...orders!, status: 'open', failure: undefined, repair: undefined }] }),
    );
    const { findings } = await diagnose(directory.path);
    const here = `hive-db --runtime-dir ${directory.path}`;
    expect(Object.fromEntries(findings.map(({ code, command }) => [code, command]))).toEqual({
      'disk-full': null,
      'slow-commits': `${here} top --interval 0s`,
      polling: `${here} locks orders`,
      pinned: `${here} wal orders`,
      checkpoints: `${here} wal orders`,
    });
  });

  it('names who holds the connections that somebody waits for, oldest first', async () => {
    const leases = [3, 41_200, 900, 70].map((ageMs, index) => ({
      id: index,
      resourceId: index,
      owner: index === 2 ? undefined : `label ${index}`,
      ageMs,
      idleMs: ageMs,
      suspect: ageMs > 30_000,
      acquiredAt: index === 1 ? 'import.ts:12:3' : undefined,
      allowedMs: undefined,
      use: 'read' as const,
    }));
    const writer = { ...leases[0]!, owner: 'save', ageMs: 99_000, use: 'write' as const };
    const lane = { waiting: 1, oldestWaitMs: 9_000 };
    const databases = [databaseSnapshot({ leases: [...leases, writer], pool: { leased: 4, idle: 0 }, lane })];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { findings } = await diagnose(directory.path);
    // They are not in the way of a write.
    expect(findings.find(({ code }) => code === 'waiting-to-write')?.evidence).toBe(
      '1 write waiting to be written, the oldest for 9 s',
    );
    expect(findings.find(({ code }) => code === 'saturated')?.evidence).toMatch(
      /; held by "label 1" at import\.ts:12:3 for 41\.2 s, somebody unnamed for 900 ms, "label 3" for 70 ms, and 1 more$/,
    );
  });

  it('has a command for what a command shows or mends, with the runtime directory that was named', async () => {
    await using directory = await runtimeDirectory(busyService());
    const { findings } = await diagnose(directory.path);
    const here = `hive-db --runtime-dir ${directory.path}`;
    expect(Object.fromEntries(findings.map(({ code, command }) => [code, command]))).toEqual({
      failed: null,
      saturated: `${here} ps --database orders`,
      waiting: `${here} ps --database orders`,
      'long-lease': `${here} ps --leaked`,
      leaked: `${here} ps --leaked`,
      'create-failures': null,
      'slow-acquire': `${here} advise --database orders`,
      'contended-writes': `${here} locks orders`,
      rollbacks: `${here} top --interval 0s`,
      'failing-label': `${here} top --interval 0s`,
    });
    const { out } = await run(['diagnose'], { env: { HIVE_RUNTIME_DIR: directory.path } });
    expect(out).toContain('\n  run: hive-db ps --database orders\n');
    // Nobody is sent to where he is.
    expect(findings.filter(({ advice, command }) => `${advice} ${command}`.includes('hive-db diagnose'))).toEqual([]);
  });

  it('names the process that holds the write lock somebody waits for', async () => {
    using files = temporaryDirectory();
    const path = join(files.path, 'orders.db');
    await using writer = startProgram('writer.mjs', path);
    await writer.line();
    for (const sql of ['PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)', 'BEGIN IMMEDIATE']) await writer.tell(sql);

    const waiting = { waiting: 2, running: 0, oldestWaitMs: 4_200 };
    const databases = [databaseSnapshot({ path, lane: waiting })];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { findings } = await diagnose(directory.path);
    const found = findings.find(({ code }) => code === 'write-lock');
    expect(found?.evidence).toMatch(
      new RegExp(
        `^2 writes wait, the oldest for 4\\.2 s, while process ${writer.pid} \\(node writer\\.mjs .*\\) holds the write lock$`,
      ),
    );
    expect(found?.command).toBe(`ps -o pid,stat,etime,args -p ${writer.pid}`);
    // It says what the other one would say, and more.
    expect(findings.map(({ code }) => code)).not.toContain('waiting-to-write');

    // Whoever is first in its own process waits, too, also where nobody stands behind it.
    const first = { label: 'save', heldMs: 3_000, lockedMs: undefined, changedMs: undefined };
    await using alone = await runtimeDirectory(
      serviceSnapshot({ databases: [databaseSnapshot({ path, lane: { running: 1, writer: first } })] }),
    );
    expect((await diagnose(alone.path)).findings.map(({ code, evidence }) => [code, evidence])).toEqual([
      ['write-lock', expect.stringMatching(/^1 write waits, the oldest for 3 s, while process /)],
    ]);

    const holder = serviceSnapshot({
      app: 'importer',
      pid: writer.pid,
      databases: [
        databaseSnapshot({
          path,
          lane: { running: 1, writer: { label: 'move stock', heldMs: 4_300, lockedMs: 4_300, changedMs: undefined } },
        }),
      ],
    });
    await using both = await runtimeDirectory(serviceSnapshot({ databases }), holder);
    expect((await diagnose(both.path)).findings.find(({ code }) => code === 'write-lock')?.evidence).toBe(
      `2 writes wait, the oldest for 4.2 s, while process ${writer.pid} (importer) holds the write lock for "move stock", 4.3 s so far`,
    );

    await writer.tell('COMMIT');
    expect((await diagnose(directory.path)).findings.map(({ code }) => code)).not.toContain('write-lock');
  });

  it('shows the path of a file whole, to be copied', async () => {
    using directory = temporaryDirectory();
    const folder = join(directory.path, 'a'.repeat(200), 'b'.repeat(200));
    mkdirSync(folder, { recursive: true });
    const path = join(folder, 'orders.db');
    writeFileSync(path, '');
    const { code, out } = await run(['diagnose', path]);
    expect(code).toBe(1);
    expect(out).toContain(`error  empty  ${path}\n`);
  });
});
