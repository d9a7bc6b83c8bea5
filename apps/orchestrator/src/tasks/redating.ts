import type { SqliteDatabase, SyncTransaction } from '@hive/shared-db';

/** The longest lease that a worker can ask for. */
export const LONGEST_LEASE_MS = 3_600_000;
/** Tasks that one transaction dates again: it must not hold the lock for long. */
const AT_ONCE = 1_000;

const AHEAD = `
  SELECT seq FROM tasks
  WHERE state IN ('queued', 'running') AND (updated_at > :now OR lease_until > :now + :longest)
  LIMIT :most`;

/**
 * Dates tasks again that came into their state at a time which is still to come: the clock was set back since, and they would wait until it
 * is that late again. How much time has passed nobody knows, so what is left of a pause or a lease begins anew, and a lease that was
 * renewed lasts an hour at most. Resolves with how many; doing it twice is doing it once. Costs a look at every task that is not over, and
 * no lock where none is wrong.
 */
export async function redate(database: Pick<SqliteDatabase, 'write' | 'readSync'>, now: number): Promise<number> {
  const terms = { now, longest: LONGEST_LEASE_MS };
  const isAny = database.readSync('look for tasks to date again', (connection) =>
    connection.get(AHEAD, { ...terms, most: 1 }),
  );
  if (isAny === undefined) return 0;
  const again = (tx: SyncTransaction): number =>
    tx.run(
      `UPDATE tasks
       SET run_at = CASE state WHEN 'queued' THEN :now + max(0, run_at - updated_at) ELSE run_at END,
           lease_until = :now + min(max(0, lease_until - updated_at), :longest),
           updated_at = min(updated_at, :now)
       WHERE seq IN (${AHEAD})`,
      { ...terms, most: AT_ONCE },
    ).changes;
  let sum = 0;
  for (;;) {
    const count = await database.write('date tasks again', again);
    sum += count;
    if (count < AT_ONCE) return sum;
  }
}
