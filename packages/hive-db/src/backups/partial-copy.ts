import { looksGone, thisProcess } from '@hive/shared-db/presence';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What SQLite may keep beside a database. */
export const BESIDE = ['-wal', '-shm', '-journal'] as const;

const NAME = /^\.hive-db-copy-(?<pid>[1-9]\d{0,9})-(?<start>\d{1,20})\.partial(?:-wal|-shm|-journal)?$/;

/** Where this process makes a copy before it has its name: in the directory in which it will lie. */
export function partialIn(directory: string): string {
  const { pid, start } = thisProcess();
  // Not after the file: with more behind it, a long name would be none.
  return join(directory, `.hive-db-copy-${pid}-${start}.partial`);
}

/** Removes a copy that has not become one, and what SQLite has put beside it. */
export function removePartial(path: string): void {
  for (const suffix of ['', ...BESIDE]) rmSync(`${path}${suffix}`, { force: true });
}

/** Removes what commands have left in a directory that were killed before they had ended. Returns the names. */
export function removeStalePartials(directory: string): readonly string[] {
  const stale = readdirSync(directory).filter((name) => {
    const { pid, start } = NAME.exec(name)?.groups ?? {};
    return pid !== undefined && start !== undefined && looksGone({ pid: Number(pid), start, thread: 0 });
  });
  for (const name of stale) rmSync(join(directory, name), { force: true });
  return stale;
}
