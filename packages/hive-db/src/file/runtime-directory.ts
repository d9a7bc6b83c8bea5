import { staleSockets } from '@hive/shared-db/presence';
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';

/** What lies in the place where processes find each other. */
export interface RuntimeDirectoryReport {
  readonly path: string;
  /** The permissions where they are not 0700, as the system writes them: `0755`; null where they are right. */
  readonly wrongMode: string | null;
  /** Names in it that no process of ours has put there: then it may be somebody's own directory. */
  readonly strangeNames: readonly string[];
  /** What dead processes left behind. */
  readonly staleSockets: readonly string[];
}

/** Everything that processes of ours put into the directory: sockets, and word of files that must not be written. */
const OUR_NAMES = /^(?:[a-z]+-[\w-]+\.sock|fences|turns)$/;
const PRIVATE = 0o700;

/**
 * Looks at a runtime directory; undefined where there is none, it is not a directory of this user's, or it cannot be looked at: whoever
 * asks the processes in it is told why. Changes nothing.
 */
export async function lookAtRuntimeDirectory(directory: string): Promise<RuntimeDirectoryReport | undefined> {
  // Resolved, because a trailing slash would make lstat follow a symbolic link.
  const path = resolve(directory);
  const stats = statsOf(path);
  if (stats === undefined || !stats.isDirectory() || stats.uid !== (process.geteuid?.() ?? stats.uid)) return undefined;
  const mode = stats.mode & 0o777;
  const wrongMode = mode === PRIVATE ? null : `0${mode.toString(8).padStart(3, '0')}`;
  try {
    const strangeNames = readdirSync(path).filter((name) => !OUR_NAMES.test(name));
    return { path, wrongMode, strangeNames, staleSockets: await staleSockets(path) };
  } catch {
    // Closed to its owner, too: what lies in it can be told when that is mended.
    return { path, wrongMode, strangeNames: [], staleSockets: [] };
  }
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
