import { readdirSync, statSync, type Stats } from 'node:fs';
import { statsOf } from './stats.ts';

/**
 * Which processes have a database or a file beside it open, as far as this user may see: also those that have no lock on it. Null where
 * the system does not tell. Looks at every open file of every process, which takes some ten milliseconds.
 */
export function openersOf(path: string): readonly number[] | null {
  const files = ['', '-wal', '-shm', '-journal']
    .map((suffix) => statsOf(`${path}${suffix}`))
    .filter((stats) => stats !== undefined);
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => hasOpen(pid, files));
  } catch {
    return null;
  }
}

/** False as well where the process has gone or is somebody else's. */
function hasOpen(pid: number, files: readonly Stats[]): boolean {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).some((name) => {
      const stats = statSync(`${directory}/${name}`, { throwIfNoEntry: false });
      return files.some(({ dev, ino }) => stats?.dev === dev && stats.ino === ino);
    });
  } catch {
    return false;
  }
}
