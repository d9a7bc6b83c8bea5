import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { isKind, type SqliteDatabase } from '@hive/shared-db';
import { percentile } from '../../median.ts';
import { reasonOf } from '../../reason.ts';
import { ROWS } from '../sqlite/stage.ts';

/** Twice as many as there are connections. */
export const WORKERS = 8;
/** What one in so many does wrong. */
const LEAKED = 0.02;
const OVERDUE = 0.01;
const THROWING = 0.01;
/** Whoever leaks a session has said for how long he wants it at most. */
const LEAK_LIMIT_MS = 100;
const OVERDUE_LIMIT_MS = 10;
/** One well-behaved session in so many writes. */
const WRITING = 0.25;
/** Between two sessions of a worker. */
const THINK_MS = 1;
/** How long it may take until everything has come back, when nobody asks for anything any more. */
const COME_BACK_MS = 5_000;

const SELECT = 'SELECT stock FROM item WHERE id = ?';
const UPDATE = 'UPDATE item SET stock = stock + 1 WHERE id = ?';

/** What the workers have done. */
export interface Work {
  readonly sessions: number;
  readonly leaked: number;
  readonly overdue: number;
  /** Sessions that the service has ended: at their limit, or because nobody had them any more. */
  readonly takenBack: number;
  /** Writes that were acknowledged. */
  readonly written: number;
  /** Why well-behaved callers have failed. */
  readonly failures: readonly string[];
  /** What those were told wrongly who made a mistake. */
  readonly surprises: readonly string[];
  readonly waitP99Ms: number;
}

/** Has all workers use sessions for so long, and then waits until the database has back what it has lent. */
export async function workFor(database: SqliteDatabase, forMs: number): Promise<Work> {
  const until = performance.now() + forMs;
  const workers = Array.from({ length: WORKERS }, () => new Worker(database));
  await Promise.all(workers.map((worker) => worker.workUntil(until)));
  const late = performance.now() + COME_BACK_MS;
  while (database.leases().length > 0 && performance.now() < late) await pause(10);
  const { counters, leaks } = database.snapshot();
  const sum = (read: (worker: Worker) => number): number => workers.reduce((total, worker) => total + read(worker), 0);
  return {
    sessions: sum(({ sessions }) => sessions),
    leaked: sum(({ leaked }) => leaked),
    overdue: sum(({ overdue }) => overdue),
    takenBack: counters.sessionsExpired + leaks.collected,
    written: sum(({ written }) => written),
    failures: workers.flatMap(({ failures }) => failures),
    surprises: workers.flatMap(({ surprises }) => surprises),
    waitP99Ms: percentile(
      workers.flatMap(({ waits }) => waits),
      0.99,
    ),
  };
}

/** One caller after the other. */
class Worker {
  readonly #database: SqliteDatabase;
  sessions = 0;
  leaked = 0;
  overdue = 0;
  written = 0;
  readonly failures: string[] = [];
  readonly surprises: string[] = [];
  /** Of the last thousands only: what this keeps would look like what the service keeps. */
  readonly waits: number[] = Array.from({ length: 10_000 }, () => 0);

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  async workUntil(until: number): Promise<void> {
    while (performance.now() < until) {
      this.sessions++;
      const chance = Math.random();
      if (chance < LEAKED) await this.#leak();
      else if (chance < LEAKED + OVERDUE) await this.#overstay();
      else if (chance < LEAKED + OVERDUE + THROWING) await this.#throw();
      else await this.#behave();
      await pause(THINK_MS);
    }
    this.waits.splice(this.sessions);
  }

  async #behave(): Promise<void> {
    const id = anyId();
    const since = performance.now();
    try {
      await using session = await this.#database.session('well-behaved');
      this.waits[this.sessions % this.waits.length] = performance.now() - since;
      await session.connection.get(SELECT, id);
      if (Math.random() >= WRITING) return;
      await session.transaction((tx) => tx.run(UPDATE, id));
      this.written++;
    } catch (error) {
      this.failures.push(reasonOf(error));
    }
  }

  /** Nobody ever closes it. */
  async #leak(): Promise<void> {
    try {
      const { connection } = await this.#database.session('leaked', { timeoutMs: LEAK_LIMIT_MS });
      this.leaked++;
      await connection.get(SELECT, anyId());
    } catch (error) {
      this.surprises.push(`who leaked: ${reasonOf(error)}`);
    }
  }

  async #overstay(): Promise<void> {
    try {
      await using session = await this.#database.session('overdue', { timeoutMs: OVERDUE_LIMIT_MS });
      this.overdue++;
      await pause(2 * OVERDUE_LIMIT_MS);
      // Where the loop stood still, timers that are due together come in any order.
      await nextTurn();
      await session.connection.get(SELECT, anyId());
      this.surprises.push('a session worked on after its limit');
    } catch (error) {
      if (!isKind(error, 'SESSION_EXPIRED')) this.surprises.push(`who was overdue: ${reasonOf(error)}`);
    }
  }

  /** What its transaction has done is undone. */
  async #throw(): Promise<void> {
    const mishap = new Error('a mishap of the caller');
    try {
      await this.#database.session('throwing', (session) =>
        session.transaction(async (tx) => {
          await tx.run(UPDATE, anyId());
          throw mishap;
        }),
      );
      this.surprises.push('what a function threw was swallowed');
    } catch (error) {
      if (error !== mishap) this.surprises.push(`who threw: ${reasonOf(error)}`);
    }
  }
}

function anyId(): number {
  return 1 + Math.floor(Math.random() * ROWS);
}
