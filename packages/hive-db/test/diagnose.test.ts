import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startProgram } from './support/program.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

interface Diagnosis {
  readonly examined: object;
  readonly counts: object;
  readonly findings: readonly { readonly code: string; readonly evidence: string }[];
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

  it('names who holds the connections that somebody waits for, oldest first', async () => {
    const leases = [3, 41_200, 900, 70].map((ageMs, index) => ({
      id: index,
      resourceId: index,
      owner: index === 2 ? undefined : `label ${index}`,
      ageMs,
      acquiredAt: index === 1 ? 'import.ts:12:3' : undefined,
      allowedMs: undefined,
      use: 'read' as const,
    }));
    const databases = [databaseSnapshot({ leases, pool: { leased: 4, idle: 0 } })];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { findings } = await diagnose(directory.path);
    expect(findings.find(({ code }) => code === 'saturated')?.evidence).toMatch(
      /; held by "label 1" at import\.ts:12:3 for 41\.2 s, somebody unnamed for 900 ms, "label 3" for 70 ms, and 1 more$/,
    );
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
    expect(findings.find(({ code }) => code === 'write-lock')?.evidence).toMatch(
      new RegExp(
        `^2 writes wait, the oldest for 4\\.2 s, while process ${writer.pid} \\(node writer\\.mjs .*\\) holds the write lock$`,
      ),
    );

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
