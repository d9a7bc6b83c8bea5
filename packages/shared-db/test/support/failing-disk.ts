import { spawnSync } from 'node:child_process';

/** Whether this process may make the disk of others fail. */
export function canFailDisks(): boolean {
  return limit(process.pid) === 0;
}

/**
 * From now on every write of a process that would make a file larger than this fails, as on a disk that is broken: SQLite reports an
 * I/O error. Without a size the disk is well again.
 */
export function failDisk(pid: number, bytes?: number): void {
  if (limit(pid, `--fsize=${bytes ?? 'unlimited'}:`) !== 0) throw new Error(`prlimit of process ${pid} failed`);
}

function limit(pid: number, ...options: readonly string[]): number | null {
  return spawnSync('prlimit', ['--pid', String(pid), ...options], { stdio: 'ignore' }).status;
}
