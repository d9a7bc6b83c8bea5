import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from './sync-directory.ts';

/**
 * Makes a directory and whatever is missing above it, to last: what is synced in it is nowhere as long as its own name is not. Does
 * nothing where it exists. Throws what the system says. Node's own recursive form never returns where a file system answers ENOENT to
 * every new directory, as /proc does.
 */
export function makeDirectory(path: string, mode = 0o777): void {
  if (isDirectory(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent, mode);
  try {
    mkdirSync(path, { mode });
    syncDirectory(parent);
  } catch (error) {
    // Another process may have been faster.
    if (!isDirectory(path)) throw error;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
