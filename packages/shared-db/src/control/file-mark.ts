import { statSync } from 'node:fs';

/** What tells one state of a file from another; the same for all in which there is nothing to be seen. By `stat`: the file is not opened. */
export function markOf(path: string): FileMark {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return ABSENT;
    const text = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join();
    return { text, changedAt: Number(stats.mtimeMs) };
  } catch {
    return HIDDEN;
  }
}

/** One state of a file. */
export interface FileMark {
  /** Equal for two looks between which nothing was written. */
  readonly text: string;
  /** When it was written last, in milliseconds since 1970, as its file system says; undefined where there is none to be seen. */
  readonly changedAt: number | undefined;
}

const ABSENT: FileMark = Object.freeze({ text: 'absent', changedAt: undefined });
const HIDDEN: FileMark = Object.freeze({ text: 'hidden', changedAt: undefined });
