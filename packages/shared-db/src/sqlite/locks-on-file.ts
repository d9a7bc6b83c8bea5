import { readdirSync, statSync, type Stats } from 'node:fs';
import type { FileLock } from './lock-table.ts';

/** Those locks that lie on a file, which may be any path at all. Uses `stat` and /proc: safe in a process that has the file open. */
export function locksOnFile(path: string, locks: readonly FileLock[]): readonly FileLock[] {
  const stats = statsOf(path);
  return stats === undefined ? [] : locks.filter((lock) => lock.inode === stats.ino && isOn(lock, stats));
}

/** The path may be what another process says: then it can be no path at all, or one that may not be looked at. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

// Inodes are numbered for each device. Where `stat` has another number for the device than the kernel (btrfs, overlays), the open
// files of the process decide; where those may not be seen, a lock of somebody else is better shown than one of ours hidden.
function isOn({ device, pid }: FileLock, stats: Stats): boolean {
  return device === deviceOf(stats) || (hasOpen(pid, stats) ?? true);
}

function deviceOf({ dev }: Stats): string {
  const number = BigInt(dev);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
  const minor = (number & 0xffn) | ((number >> 12n) & ~0xffn & 0xffff_ffffn);
  return `${hexadecimal(major)}:${hexadecimal(minor)}`;
}

function hexadecimal(number: bigint): string {
  return number.toString(16).padStart(2, '0');
}

function hasOpen(pid: number, { dev, ino }: Stats): boolean | undefined {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).some((name) => {
      const stats = statSync(`${directory}/${name}`, { throwIfNoEntry: false });
      return stats?.dev === dev && stats.ino === ino;
    });
  } catch {
    return undefined;
  }
}
