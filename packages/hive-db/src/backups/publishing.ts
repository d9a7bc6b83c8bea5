import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';

/** Lets a copy be used by whoever uses the file that it stands for. */
export function likeOwner(copy: string, { mode, uid, gid }: Stats): void {
  chmodSync(copy, mode & 0o777);
  try {
    chownSync(copy, uid, gid);
  } catch {
    // Only root gives files away.
  }
}

/** Gives a finished copy its name, if nothing has it: complete or not at all, also after a power loss. Throws `EEXIST` where something has. */
export function publishNew(copy: string, path: string): void {
  try {
    linkSync(copy, path);
  } catch (error) {
    if (!isWithoutLinks(error)) throw error;
    // A file system without hard links: a name that is taken first cannot be somebody else's.
    closeSync(openSync(path, 'wx'));
    renameSync(copy, path);
  }
  rmSync(copy, { force: true });
  syncDirectory(dirname(path));
}

export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Has everything of a file on the disk, before it gets a name that says so. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function isWithoutLinks(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? '');
}
