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

/** Reads all of /proc/locks. Pure. */
export function parseLocks(text: string): readonly FileLock[] {
  return text
    .split('\n')
    .map((line) => parseLock(line))
    .filter((lock) => lock !== undefined);
}
