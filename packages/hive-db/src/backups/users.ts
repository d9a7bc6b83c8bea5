import { commandOf, lockHoldersOf } from '../file/lock-holders.ts';
import { openersOf } from '../file/openers.ts';
import type { Answered } from '../inquiry.ts';
import { databasesNamed } from '../databases.ts';

/**
 * Who has a database open, in words: what /proc shows of this user's processes, who has locks on it, and who says so. Null where the
 * system does not tell.
 */
export function usersOf(path: string, answered: readonly Answered[]): readonly string[] | null {
  const openers = openersOf(path);
  const holders = lockHoldersOf(path, 'wal');
  if (openers === null || holders === null) return null;
  const [known] = databasesNamed([path], answered, '/');
  const sayers = answered.filter(({ snapshot }) =>
    snapshot.databases.some(
      (one) =>
        one.path !== undefined &&
        known?.aliases.has(one.path) === true &&
        one.status !== 'closed' &&
        one.status !== 'failed',
    ),
  );
  const apps = new Map(answered.map(({ pid, snapshot }) => [pid, snapshot.app]));
  const pids = new Set([...openers, ...holders.map(({ pid }) => pid), ...sayers.map(({ pid }) => pid)]);
  return [...pids]
    .toSorted((a, b) => a - b)
    .map((pid) => `${apps.get(pid) ?? commandOf(pid) ?? 'a process'} (pid ${pid})`);
}
