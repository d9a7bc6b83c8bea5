import { closeSync, constants, existsSync, lstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';

/** What came of reading a text file. `fault` completes a sentence that begins with the file's name. */
export type TextFile = { readonly text: string } | { readonly missing: true } | { readonly fault: string };

/**
 * Larger than any settings file that somebody wrote, small enough to read at every start: a megabyte of brackets would take the parser
 * ten seconds.
 */
const MOST_BYTES = 64 * 1_024;

/** Reads a whole UTF-8 text of at most 64 KiB. Never throws; a file that is not there is no fault, a dangling link is. */
export function readTextFile(path: string): TextFile {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return absence(path);
    if (stats.isDirectory()) return { fault: 'is a directory' };
    // A pipe or a device could block for ever, or never end.
    if (!stats.isFile()) return { fault: 'is not a regular file' };
    if (isDatabase(realpathSync(path))) return { fault: 'is part of a database' };
    const bytes = beginningOf(path, MOST_BYTES + 1);
    return bytes.length > MOST_BYTES ? { fault: 'is larger than 64 KiB' } : decoded(bytes);
  } catch (error) {
    return { fault: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})` };
  }
}

// Closing any descriptor of a live SQLite file drops the locks of the process on it (howtocorrupt.html, section 2.2).
function isDatabase(path: string): boolean {
  return /-(?:wal|shm|journal)$/.test(path) || existsSync(`${path}-wal`) || existsSync(`${path}-shm`);
}

/** At most so many bytes: files of the system may have no size and no end. Never waits for one that has nothing to say now. */
function beginningOf(path: string, most: number): Uint8Array {
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const bytes = new Uint8Array(most);
    let length = 0;
    while (length < most) {
      const read = readSync(descriptor, bytes, length, most - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

function absence(path: string): TextFile {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined
    ? { missing: true }
    : { fault: 'is a symbolic link to nothing' };
}

function decoded(bytes: Uint8Array): TextFile {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? { fault: 'is not text' } : { text };
  } catch {
    return { fault: 'is not UTF-8 text' };
  }
}
