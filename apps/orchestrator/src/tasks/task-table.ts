import type { SyncConnection, SyncTransaction } from '@hive/shared-db';
import type { Claim, Standing } from './claim.ts';
import { recordChange } from './task-history.ts';
import { mayBecome, type TaskState } from './task-state.ts';
import { taskOf, type Task, type TaskRow } from './task.ts';

/** Leases that one transaction ends: it must not hold the lock for long after a great outage. */
const EXPIRED_AT_ONCE = 100;

/** What a change of state may change beside the state. */
type Changes = Partial<Pick<TaskRow, 'worker' | 'lease_until' | 'attempts' | 'run_at' | 'result' | 'error'>>;

/** Takes kinds as a JSON list, and the time. Without being told, SQLite prefers the index of all states, and sorts. */
export const NEXT_DUE = `
  SELECT * FROM tasks INDEXED BY tasks_due
  WHERE state = 'queued' AND kind IN (SELECT value FROM json_each(?)) AND run_at <= ?
  ORDER BY priority DESC, run_at, seq
  LIMIT 1`;

const OVERDUE = `
  SELECT * FROM tasks INDEXED BY tasks_leased
  WHERE state = 'running' AND kind IN (SELECT value FROM json_each(?)) AND lease_until <= ?
  ORDER BY lease_until
  LIMIT ?`;

export function findTask(connection: SyncConnection, id: string): TaskRow | undefined {
  return connection.get<TaskRow>('SELECT * FROM tasks WHERE id = ?', id);
}

/** The row of a task that must be there. */
export function taskRow(connection: SyncConnection, id: string): TaskRow {
  const row = findTask(connection, id);
  if (row === undefined) throw new Error(`BUG: task ${id} is gone`);
  return row;
}

/** The most urgent task of these kinds. */
export function nextDue(connection: SyncConnection, kinds: readonly string[], now: number): TaskRow | undefined {
  return connection.get<TaskRow>(NEXT_DUE, JSON.stringify(kinds), now);
}

/** Whether a lease of these kinds has run out. */
export function isAnyOverdue(connection: SyncConnection, kinds: readonly string[], now: number): boolean {
  return connection.get(OVERDUE, JSON.stringify(kinds), now, 1) !== undefined;
}

/** Ends leases that have run out, at most 100: the tasks go back, or fail when their attempts are used up. Returns how many. */
export function endOverdue(tx: SyncTransaction, kinds: readonly string[], now: number): number {
  const rows = tx.all<TaskRow>(OVERDUE, JSON.stringify(kinds), now, EXPIRED_AT_ONCE);
  for (const row of rows) {
    const error = `${row.worker} did not renew its lease`;
    if (row.attempts >= row.max_attempts) move(tx, row, 'failed', now, { error }, error);
    else move(tx, row, 'queued', now, { error, run_at: now }, error);
  }
  return rows.length;
}

/** How a claim stands. */
export function standingOf(connection: SyncConnection, { taskId, worker, attempt }: Claim): Standing {
  const row = findTask(connection, taskId);
  if (row === undefined || row.attempts !== attempt || row.worker !== worker) return 'lost';
  if (row.state === 'running') return 'held';
  return row.state === 'cancelled' ? 'cancelled' : 'lost';
}

/** Changes the state of a task and writes it down: the one place where that happens. A lease ends with the state `running`. */
export function move(
  tx: SyncTransaction,
  row: TaskRow,
  to: TaskState,
  now: number,
  changes: Changes,
  note?: string,
): Task {
  if (!mayBecome(row.state, to)) throw new Error(`BUG: task ${row.id} cannot go from ${row.state} to ${to}`);
  const next: TaskRow = { ...row, lease_until: null, ...changes, state: to, updated_at: now };
  const { seq, state, worker, lease_until, attempts, run_at, result, error, updated_at } = next;
  tx.run(
    `UPDATE tasks
     SET state = :state, worker = :worker, lease_until = :lease_until, attempts = :attempts, run_at = :run_at,
         result = :result, error = :error, updated_at = :updated_at
     WHERE seq = :seq`,
    { seq, state, worker, lease_until, attempts, run_at, result, error, updated_at },
  );
  recordChange(tx, row.id, { at: now, from: row.state, to, worker: worker ?? undefined, note });
  return taskOf(next);
}
