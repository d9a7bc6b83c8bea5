import { existsSync, linkSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from './publishing.ts';
import { BESIDE } from './partial-copy.ts';

const KEPT = '.replaced-';

/** An old database under another name. */
export interface SetAside {
  /** The file and what lay beside it: together they are the database that it was. */
  readonly kept: readonly string[];
  /** Gives everything its name back. */
  readonly undo: () => void;
}

/**
 * Gives a database a second name, with a date in it, and moves its log and journal there, so that they stay together. From the first
 * step on the file has two names, which no service opens, so nobody comes between; whoever puts another one in place of the first name
 * ends that. Deletes nothing. One that was interrupted halfway is gone on with. Throws what the system says, and undoes what was done.
 */
export function setAside(path: string, at: Date): SetAside {
  const name = unfinished(path) ?? freeName(path, at);
  const moved: string[] = [];
  const undo = (): void => {
    for (const suffix of moved.toReversed()) renameSync(`${name}${suffix}`, `${path}${suffix}`);
    rmSync(name, { force: true });
  };
  if (!existsSync(name)) linkSync(path, name);
  try {
    for (const suffix of BESIDE) {
      if (!existsSync(`${path}${suffix}`) || existsSync(`${name}${suffix}`)) continue;
      renameSync(`${path}${suffix}`, `${name}${suffix}`);
      moved.push(suffix);
    }
    syncDirectory(dirname(path));
  } catch (error) {
    undo();
    throw error;
  }
  const kept = ['', ...BESIDE].map((suffix) => `${name}${suffix}`).filter((one) => existsSync(one));
  return { kept, undo };
}

/** The second name that an earlier command gave the file before it was killed. */
function unfinished(path: string): string | undefined {
  const { dev, ino, nlink } = statSync(path);
  if (nlink === 1) return undefined;
  const directory = dirname(path);
  const names = readdirSync(directory).filter((name) => name.startsWith(`${basename(path)}${KEPT}`));
  return names
    .map((name) => join(directory, name))
    .find((one) => {
      const stats = statSync(one, { throwIfNoEntry: false });
      return stats?.dev === dev && stats.ino === ino;
    });
}

function freeName(path: string, at: Date): string {
  const date = at.toISOString().slice(0, 19).replaceAll(':', '-');
  for (let number = 1; ; number++) {
    const name = `${path}${KEPT}${date}Z${number === 1 ? '' : `-${number}`}`;
    if (['', ...BESIDE].every((suffix) => !existsSync(`${name}${suffix}`))) return name;
  }
}
