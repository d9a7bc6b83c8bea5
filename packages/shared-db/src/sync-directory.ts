import { closeSync, fsyncSync, openSync } from 'node:fs';

/** What the system says of a directory that may not be read, or that it does not sync: there is nothing that could be done about it. */
const CANNOT_BE_SYNCED: readonly unknown[] = ['EACCES', 'EPERM', 'EINVAL', 'EISDIR'];

/**
 * Makes the names in a directory last. Where that cannot be done it does nothing, as SQLite does; throws what the system says when it was
 * tried and has failed.
 */
export function syncDirectory(path: string): void {
  try {
    const descriptor = openSync(path, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && CANNOT_BE_SYNCED.includes(error.code))) throw error;
  }
}
