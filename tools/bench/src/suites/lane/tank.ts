import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { versionOf } from '../../machine.ts';
import { percentile } from '../../median.ts';
import type { Contestant, Scenario } from '../../scenario.ts';
import { createFile, openBare, openService, type ServiceStage } from '../sqlite/stage.ts';

const CALLERS = 8;
const SAMPLE_MS = 2_000;
/** As many as the tank controller opens at its start; it opens more only for who has waited for ten seconds. */
const CONNECTIONS = 5;
/** What ratios are against: the pool as it comes. */
const ITS_POOL = `Python, its pool of ${CONNECTIONS}`;
const SCRIPT = fileURLToPath(new URL('../../../python/thread_pool.py', import.meta.url));
const INSERT = 'INSERT INTO reading (tank, ph, ec, temperature) VALUES (?, ?, ?, ?)';
const SELECT = 'SELECT id, at, tank, ph, ec, temperature FROM reading WHERE id = ?';

/** What eight threads of a tank controller do to their pool, done to a service by eight callers. */
export function tankScenario(): Scenario {
  return {
    name: 'tank controller',
    about: `${CALLERS} callers insert a reading and select it again, durability normal: write and readSync here; there threads of Python over its sqlite3 and a pool that asks each connection for a row when it goes and when it comes.`,
    measures: [
      { name: 'operations', unit: 'per second', better: 'higher' },
      { name: 'p99', unit: 'ms', better: 'lower' },
      { name: 'worst', unit: 'ms', better: 'lower' },
    ],
    against: ITS_POOL,
    rounds: 5,
    contestants: [
      ours(),
      python(ITS_POOL, 'python3', CONNECTIONS),
      // Quicker and fairer than it comes.
      python('Python, a connection for each', 'python3', CALLERS),
      byHand(),
    ],
  };
}

function ours(): Contestant {
  return {
    name: 'write and readSync',
    version: versionOf('@hive/shared-db'),
    role: 'ours',
    check: () => Promise.resolve(),
    begin: async () => {
      const stage = await openService('normal');
      await insertAndSelect(stage);
      return { sample: () => insertAndSelect(stage), end: () => stage.end() };
    },
  };
}

/** What could be had at most: one after the other, the inserts of all callers in one transaction, and no caller anywhere. */
function byHand(): Contestant {
  return {
    name: `better-sqlite3, ${CALLERS} in a transaction by hand`,
    version: versionOf('better-sqlite3'),
    role: 'floor',
    check: () => Promise.resolve(),
    begin: () => {
      const stage = openBare('normal');
      const insert = stage.writer.prepare(INSERT);
      const select = stage.reader.prepare(SELECT);
      const insertAll = stage.writer.transaction(() =>
        Array.from({ length: CALLERS }, (_, tank) => insert.run(tank, 6.1, 1.8, 21.5).lastInsertRowid),
      );
      return Promise.resolve({
        sample: () =>
          Promise.resolve(
            insertAndSelectAll(
              () => insertAll.immediate(),
              (row) => select.get(row),
            ),
          ),
        end: () => stage.end(),
      });
    },
  };
}

function insertAndSelectAll<R>(insertAll: () => readonly R[], select: (row: R) => unknown): readonly number[] {
  const waits: number[] = [];
  const begun = performance.now();
  for (let from = begun; from < begun + SAMPLE_MS;) {
    const rows = insertAll();
    const written = performance.now();
    waits.push(...rows.map(() => written - from));
    let last = written;
    for (const row of rows) {
      select(row);
      const now = performance.now();
      waits.push(now - last);
      last = now;
    }
    from = last;
  }
  return figuresOf({ operations: waits.length, seconds: (performance.now() - begun) / 1_000, ...tailOf(waits) });
}

async function insertAndSelect({ database }: ServiceStage): Promise<readonly number[]> {
  const waits: number[] = [];
  const begun = performance.now();
  const until = begun + SAMPLE_MS;
  const caller = async (_: unknown, tank: number): Promise<void> => {
    while (performance.now() < until) {
      const from = performance.now();
      const { lastInsertRowid } = await database.write('add reading', (tx) => tx.run(INSERT, tank, 6.1, 1.8, 21.5));
      const written = performance.now();
      database.readSync('reading', (c) => c.get(SELECT, lastInsertRowid));
      waits.push(written - from, performance.now() - written);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return figuresOf({ operations: waits.length, seconds: (performance.now() - begun) / 1_000, ...tailOf(waits) });
}

function tailOf(waits: readonly number[]): Pick<Measured, 'p99_ms' | 'worst_ms'> {
  const worst_ms = waits.reduce((worst, wait) => Math.max(worst, wait), 0);
  return { p99_ms: percentile(waits, 0.99), worst_ms };
}

/** What `thread_pool.py` prints. */
interface Measured {
  readonly operations: number;
  readonly seconds: number;
  readonly p99_ms: number;
  readonly worst_ms: number;
}

function figuresOf({ operations, seconds, p99_ms, worst_ms }: Measured): readonly number[] {
  return [operations / seconds, p99_ms, worst_ms];
}

/** Fails, and so is nobody's peer, where there is no such interpreter. */
export function python(name: string, interpreter: string, connections: number): Contestant {
  const failures = new Set<string>();
  const measured = async (path: string): Promise<readonly number[]> => {
    const args = [SCRIPT, path, `${CALLERS}`, `${connections}`, `${SAMPLE_MS / 1_000}`];
    const { stdout } = await promisify(execFile)(interpreter, args);
    const { failed, reason, ...report } = JSON.parse(stdout) as Measured & { failed: number; reason: string };
    if (failed > 0) failures.add(`${failed} of ${failed + report.operations}: ${reason}`);
    return figuresOf(report);
  };
  return {
    name,
    get version() {
      return pythonVersion(interpreter) ?? 'none';
    },
    role: 'peer',
    check: async () => {
      if (pythonVersion(interpreter) === undefined)
        throw new Error(`there is no ${interpreter} on this machine; install Python 3.8 or newer to compare`);
      await Promise.resolve();
    },
    begin: () => {
      const file = createFile();
      return Promise.resolve({
        sample: () => measured(file.path),
        failures: () => [...failures],
        end: () => {
          file.remove();
          return Promise.resolve();
        },
      });
    },
  };
}

/** With the engine that it brings. */
function pythonVersion(interpreter: string): string | undefined {
  const program = 'import platform, sqlite3; print(platform.python_version(), "with SQLite", sqlite3.sqlite_version)';
  try {
    return execFileSync(interpreter, ['-c', program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
