import { readFileSync } from 'node:fs';

/** Pages of some machines are larger: then a smaller table is read twice for nothing. */
const PAGE_BYTES = 4_000;

/** One line of /proc/locks that is a POSIX lock of a process of this namespace. */
export interface FileLock {
  readonly pid: number;
  readonly exclusive: boolean;
  /** `major:minor`, hexadecimal as the kernel prints it. On some file systems it is not what `stat` says. */
  readonly device: string;
  readonly inode: number;
  readonly start: number;
  /** The last byte, infinite where it reaches to the end of the file. */
  readonly end: number;
}

const LINE =
  /^\d+: POSIX +\S+ +(?<mode>READ|WRITE) +(?<pid>\d+) +(?<device>[\da-f]+:[\da-f]+):(?<inode>\d+) +(?<start>\d+) +(?<end>\d+|EOF)$/;

/** Reads a line of /proc/locks. Undefined for every other kind of line. Pure. */
function parseLock(line: string): FileLock | undefined {
  const { mode, pid, device, inode, start, end } = LINE.exec(line)?.groups ?? {};
  if (device === undefined || Number(pid) <= 0) return undefined;
  return {
    pid: Number(pid),
    exclusive: mode === 'WRITE',
    device,
    inode: Number(inode),
    start: Number(start),
    end: end === 'EOF' ? Infinity : Number(end),
  };
}

/** Reads all of /proc/locks, a lock that is told twice once. Pure. */
export function parseLocks(text: string): readonly FileLock[] {
  const told = new Map(text.split('\n').map((line) => [withoutNumber(line), line]));
  return Array.from(told.values(), (line) => parseLock(line)).filter((lock) => lock !== undefined);
}

function withoutNumber(line: string): string {
  return line.slice(line.indexOf(':') + 1);
}

/**
 * All locks of this pid namespace. The kernel tells them a page at a time, and what is locked or unlocked between two pages shifts the rest
 * (linux/fs/seq_file.c): a lock may be told twice or not at all. So a table of more than a page is read twice, and what either tells counts.
 * Throws where the system has no such table.
 */
export function readLockTable(read: () => string = readKernelTable): readonly FileLock[] {
  const table = read();
  return parseLocks(table.length < PAGE_BYTES ? table : `${table}${read()}`);
}

function readKernelTable(): string {
  return readFileSync('/proc/locks', 'utf8');
}
