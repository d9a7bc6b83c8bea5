import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import type { Go, Method, WriterOrder, WriterReport, Workload } from './workload.ts';

const SCHEMA = `CREATE TABLE entry (id INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;
                CREATE TABLE total (id INTEGER PRIMARY KEY, writes INTEGER NOT NULL) STRICT;
                INSERT INTO total VALUES (1, 0);`;

/** Some processes that write to one file, and one more that stands by. */
export interface FleetOrder {
  readonly method: Method;
  readonly workload: Workload;
  readonly processes: number;
  /** A neighbour with a workload of its own, which pauses between two transactions. */
  readonly neighbour?: { readonly workload: Workload; readonly pauseMs: number };
}

export interface FleetReport {
  readonly writers: readonly WriterReport[];
  /** Of the neighbour. */
  readonly neighbour: WriterReport | undefined;
}

/** Processes that are started once and write whenever they are told. */
export class Fleet {
  readonly #directory = mkdtempSync(join(tmpdir(), 'hive-bench-'));
  readonly path = join(this.#directory, 'bench.db');
  readonly #writers: ChildProcess[] = [];
  #neighbour: ChildProcess | undefined;

  async start({ method, workload, processes, neighbour }: FleetOrder): Promise<void> {
    const { path } = this;
    const runtimeDirectory = join(this.#directory, 'run');
    const databases = { bench: sqlite({ path, migrations: [{ id: 1, name: 'bench', sql: SCHEMA }], required: true }) };
    const service = await openDatabaseService({ app: 'bench', presence: false, databases });
    await service.close();
    const order: WriterOrder = { path, runtimeDirectory, method, workload, pauseMs: 0 };
    for (let n = 0; n < processes; n++) this.#writers.push(await started(order));
    if (neighbour !== undefined) this.#neighbour = await started({ ...order, ...neighbour });
  }

  /**
   * Each writes by itself for so long, before anything is measured: a process that has just been started compiles what it runs, and
   * several of them would do so for many seconds, on the processors that they share.
   */
  async warmUp(forMs: number): Promise<void> {
    for (const writer of this.#writers) await report(writer, forMs);
  }

  /** All write for so long, and then say what they have done. */
  async write(forMs: number): Promise<FleetReport> {
    const [neighbour, ...writers] = await Promise.all([
      this.#neighbour === undefined ? undefined : report(this.#neighbour, forMs),
      ...this.#writers.map((writer) => report(writer, forMs)),
    ]);
    return { writers, neighbour };
  }

  async end(): Promise<void> {
    const all = [...this.#writers, ...(this.#neighbour === undefined ? [] : [this.#neighbour])];
    const exits = all.map((writer) => once(writer, 'exit'));
    for (const writer of all) writer.disconnect();
    await Promise.all(exits);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function report(writer: ChildProcess, forMs: number): Promise<WriterReport> {
  writer.send({ untilMs: Date.now() + forMs } satisfies Go);
  const [heard] = (await once(writer, 'message')) as [WriterReport];
  return heard;
}

async function started(order: WriterOrder): Promise<ChildProcess> {
  const writer = fork(new URL('writer.js', import.meta.url), [JSON.stringify(order)], { execArgv: [] });
  await once(writer, 'message');
  return writer;
}

/** Jain's index of fairness: 1 when all have the same, 1/n when one has everything. */
export function fairness(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}
