import type { SqliteDatabase, SqlValue, SyncTransaction } from '@hive/shared-db';
import { isDeepStrictEqual } from 'node:util';
import type { Claim, Standing } from './claim.ts';
import { redate } from './redating.ts';
import { DEFAULT_BACKOFF, retryDelayMs, type Backoff } from './retry-delay.ts';
import { changesOf, recordChange, type TaskChange } from './task-history.ts';
import { mayBecome, type TaskState } from './task-state.ts';
import { endOverdue, findTask, isAnyOverdue, move, nextDue, standingOf, taskRow } from './task-table.ts';
import { taskOf, type Task, type TaskRow } from './task.ts';

/** Default number of attempts: with their pauses they span about a quarter of a minute, which most restarts fit into. */
const DEFAULT_MAX_ATTEMPTS = 5;
/** What is kept of an error; the rest of a long one says nothing more. */
const ERROR_CHARACTERS = 2_000;

const HALF_OVER = "state = 'running' AND worker = ? AND lease_until < ?";

/** What somebody wants done. */
export interface TaskRequest {
  readonly kind: string;
  /** JSON. */
  readonly payload: unknown;
  /** Submitting again with the same key finds the first task instead of making another. */
  readonly key?: string | undefined;
  /** Higher goes first. Default 0. */
  readonly priority?: number | undefined;
  /** Default 5. */
  readonly maxAttempts?: number | undefined;
  /** Not before so long from now. Default 0. */
  readonly delayMs?: number | undefined;
}

/** What came of submitting. `conflict`: the key belongs to a task of another kind or with another payload. */
export interface Submission {
  readonly outcome: 'created' | 'existing' | 'conflict';
  readonly task: Task;
}

/** What came of cancelling. `over`: it was done or failed already. */
export interface Cancellation {
  readonly outcome: 'cancelled' | 'over';
  readonly task: Task;
}

/** How an attempt ended. `final`: another attempt would end the same. */
export type Ending =
  | { readonly state: 'done'; readonly result: unknown }
  | { readonly state: 'failed'; readonly error: string; readonly final?: boolean };

/** Which tasks. */
export interface TaskFilter {
  readonly state?: TaskState | undefined;
  readonly kind?: string | undefined;
  /** Only what was submitted before the task with this id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

export interface QueueOptions {
  readonly database: Pick<SqliteDatabase, 'write' | 'readSync'>;
  /** Milliseconds since 1970: leases are compared between processes, which share no other clock. */
  readonly wallTime: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newId: () => string;
  readonly backoff?: Backoff;
}

/**
 * Tasks in a database that several processes share. A task is run at least once: a worker that dies or is slow loses its lease and
 * the task is run again, so what a task does should bear being done twice. Every change of a state and its line in the history
 * are one transaction.
 */
export class TaskQueue {
  readonly #database: QueueOptions['database'];
  readonly #wallTime: () => number;
  readonly #random: () => number;
  readonly #newId: () => string;
  readonly #backoff: Backoff;
  /** What the clock said last. */
  #latest = -Infinity;
  /** Whether no task is dated in the future, as far as this process knows: the clock may have been set back before it began. */
  #isDated = false;

  constructor({ database, wallTime, random, newId, backoff = DEFAULT_BACKOFF }: QueueOptions) {
    this.#database = database;
    this.#wallTime = wallTime;
    this.#random = random;
    this.#newId = newId;
    this.#backoff = backoff;
  }

  /** Puts a task into the queue, or finds the one that has its key. */
  submit(request: TaskRequest): Promise<Submission> {
    const { kind, key, priority = 0, maxAttempts = DEFAULT_MAX_ATTEMPTS, delayMs = 0 } = request;
    const payload = JSON.stringify(request.payload ?? null);
    const id = this.#newId();
    const now = this.#now();
    return this.#database.write('submit task', (tx) => {
      const existing = key === undefined ? undefined : tx.get<TaskRow>('SELECT * FROM tasks WHERE key = ?', key);
      if (existing !== undefined) {
        const task = taskOf(existing);
        const isSame = task.kind === kind && isDeepStrictEqual(task.payload, JSON.parse(payload));
        return { outcome: isSame ? 'existing' : 'conflict', task };
      }
      tx.run(
        `INSERT INTO tasks (id, key, kind, payload, state, priority, max_attempts, run_at, created_at, updated_at)
         VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?)`,
        id,
        key ?? null,
        kind,
        payload,
        priority,
        maxAttempts,
        now + delayMs,
        now,
        now,
      );
      recordChange(tx, id, { at: now, from: undefined, to: 'queued', worker: undefined, note: undefined });
      return { outcome: 'created', task: taskOf(taskRow(tx, id)) };
    });
  }

  /**
   * Gives the most urgent task of these kinds to a worker for `leaseMs`, or resolves with undefined when none is due. No task is
   * ever given to two: looking and taking are one transaction. Leases of these kinds that have run out are ended on the way, so
   * workers recover each other's tasks without anybody else. `claimed` does more in the same transaction. With nothing due it
   * costs two small reads and no lock. The first call, and one after the clock was set back, dates tasks again where that is needed.
   */
  async claim(
    worker: string,
    kinds: readonly string[],
    leaseMs: number,
    claimed?: (tx: SyncTransaction, task: Task) => void,
  ): Promise<Task | undefined> {
    const now = await this.#timeForTasks();
    const isAnything = this.#database.readSync(
      'look for tasks',
      (connection) => nextDue(connection, kinds, now) !== undefined || isAnyOverdue(connection, kinds, now),
    );
    if (!isAnything) return undefined;
    return this.#database.write('claim task', (tx) => {
      endOverdue(tx, kinds, now);
      const row = nextDue(tx, kinds, now);
      if (row === undefined) return undefined;
      const attempts = row.attempts + 1;
      const changes = { worker, lease_until: now + leaseMs, attempts };
      const task = move(tx, row, 'running', now, changes, `attempt ${attempts} of ${row.max_attempts}`);
      claimed?.(tx, task);
      return task;
    });
  }

  /** Renews the lease of a claim that still holds, also when it has run out and nobody has taken the task. */
  heartbeat(claim: Claim, leaseMs: number): Promise<Standing> {
    const now = this.#now();
    return this.#database.write('renew lease', (tx) => {
      const standing = standingOf(tx, claim);
      if (standing === 'held') tx.run('UPDATE tasks SET lease_until = ? WHERE id = ?', now + leaseMs, claim.taskId);
      return standing;
    });
  }

  /**
   * Renews what one worker holds and is at least half over, such as tasks that wait for somebody else's answer. Resolves with how
   * many; with nothing to renew it costs a read and no lock.
   */
  async renewAll(worker: string, leaseMs: number): Promise<number> {
    const now = this.#now();
    const isAny = this.#database.readSync('look for leases to renew', (connection) =>
      connection.get(`SELECT 1 FROM tasks WHERE ${HALF_OVER} LIMIT 1`, worker, now + leaseMs / 2),
    );
    if (isAny === undefined) return 0;
    return this.#database.write(
      'renew leases',
      (tx) =>
        tx.run(`UPDATE tasks SET lease_until = ? WHERE ${HALF_OVER}`, now + leaseMs, worker, now + leaseMs / 2).changes,
    );
  }

  /**
   * Ends an attempt. A failed one is tried again after a pause while attempts are left. Resolves with how the claim stood: unless
   * it was `held`, nothing was changed.
   */
  finish(claim: Claim, ending: Ending): Promise<Standing> {
    return this.#database.write('finish task', this.finishing(claim, ending));
  }

  /** The same for a transaction of the caller's, which may run it again. */
  finishing(claim: Claim, ending: Ending): (tx: SyncTransaction) => Standing {
    const now = this.#now();
    const random = this.#random();
    return (tx) => {
      const standing = standingOf(tx, claim);
      if (standing !== 'held') return standing;
      const row = taskRow(tx, claim.taskId);
      if (ending.state === 'done') {
        move(tx, row, 'done', now, { result: JSON.stringify(ending.result ?? null), error: null });
        return standing;
      }
      const error = ending.error.slice(0, ERROR_CHARACTERS);
      if (ending.final === true || row.attempts >= row.max_attempts) {
        move(tx, row, 'failed', now, { error }, error);
        return standing;
      }
      const delayMs = retryDelayMs(row.attempts, random, this.#backoff);
      move(tx, row, 'queued', now, { error, run_at: now + delayMs }, `again in ${delayMs} ms: ${error}`);
      return standing;
    };
  }

  /** Puts a task back because its worker stops. The attempt counts, but giving back never fails a task. */
  giveBack(claim: Claim): Promise<Standing> {
    const now = this.#now();
    return this.#database.write('give task back', (tx) => {
      const standing = standingOf(tx, claim);
      if (standing === 'held')
        move(tx, taskRow(tx, claim.taskId), 'queued', now, { run_at: now }, 'given back: its worker stops');
      return standing;
    });
  }

  /**
   * Cancels a task that is not over. The worker of a running one hears of it at its next heartbeat, and whatever it brings after
   * that is not taken. Cancelling twice is cancelling once. Resolves with undefined when there is no such task.
   */
  cancel(id: string): Promise<Cancellation | undefined> {
    const now = this.#now();
    return this.#database.write('cancel task', (tx) => {
      const row = findTask(tx, id);
      if (row === undefined) return undefined;
      if (row.state === 'cancelled') return { outcome: 'cancelled', task: taskOf(row) };
      if (!mayBecome(row.state, 'cancelled')) return { outcome: 'over', task: taskOf(row) };
      return { outcome: 'cancelled', task: move(tx, row, 'cancelled', now, {}) };
    });
  }

  /** Ends leases that have run out, at most 100 a call: the tasks go back, or fail without attempts left. Resolves with how many. */
  async expire(kinds: readonly string[]): Promise<number> {
    const now = await this.#timeForTasks();
    const isAny = this.#database.readSync('look for lost leases', (connection) => isAnyOverdue(connection, kinds, now));
    return isAny ? this.#database.write('expire leases', (tx) => endOverdue(tx, kinds, now)) : 0;
  }

  /** The time by which tasks are due. */
  async #timeForTasks(): Promise<number> {
    const now = this.#now();
    if (!this.#isDated) {
      await redate(this.#database, now);
      this.#isDated = true;
    }
    return now;
  }

  #now(): number {
    const now = this.#wallTime();
    if (now < this.#latest) this.#isDated = false;
    this.#latest = now;
    return now;
  }

  get(id: string): Task | undefined {
    const row = this.#database.readSync('task by id', (connection) => findTask(connection, id));
    return row === undefined ? undefined : taskOf(row);
  }

  /** Everything that happened to a task, first things first. */
  history(id: string): readonly TaskChange[] {
    return this.#database.readSync('history of task', (connection) => changesOf(connection, id));
  }

  /** Newest first. */
  list({ state, kind, before, limit }: TaskFilter): readonly Task[] {
    const conditions: string[] = [];
    const values: SqlValue[] = [];
    const require = (condition: string, value: string | undefined): void => {
      if (value === undefined) return;
      conditions.push(condition);
      values.push(value);
    };
    require('state = ?', state);
    require('kind = ?', kind);
    require('seq < (SELECT seq FROM tasks WHERE id = ?)', before);
    const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const rows = this.#database.readSync('list tasks', (connection) =>
      connection.all<TaskRow>(`SELECT * FROM tasks ${filter} ORDER BY seq DESC LIMIT ?`, ...values, limit),
    );
    return rows.map(taskOf);
  }
}
