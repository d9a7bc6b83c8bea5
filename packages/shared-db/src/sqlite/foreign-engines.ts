import { fstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseError } from '../errors.ts';
import { readLockTable } from './lock-table.ts';
import { locksOnFile } from './locks-on-file.ts';
import { identityOf, type FileIdentity } from './path.ts';

/** Libraries that bring a SQLite of their own, by the name of the file or of its package. */
const ENGINE_FILE =
  /(?:\/node_modules\/(?:better-sqlite3|sqlite3|libsql|@libsql\/[^/]+)\/.*|\/[^/]*(?:sqlite3|libsql)[^/]*)\.(?:node|so(?:\.[\d.]+)?|dylib)$/;

/** Where the engine of this package comes from. */
const OUR_PACKAGE = dirname(dirname(fileURLToPath(import.meta.resolve('better-sqlite3'))));

/**
 * Other SQLite engines in this process. Two engines do not know of each other's locks: when one closes a file, the system drops
 * the locks of both (sqlite.org/howtocorrupt.html, section 2.2.1). Linux only; elsewhere the answer is always none.
 */
export function foreignEngines(
  maps: string = readMaps(),
  builtins: readonly string[] = loadedBuiltins(),
  ourPackage: string = OUR_PACKAGE,
): readonly string[] {
  const files = maps
    .split('\n')
    .map((line) => line.slice(line.indexOf('/')))
    .filter((file) => ENGINE_FILE.test(file) && !file.startsWith(`${ourPackage}/`));
  const others = [...new Set(files)];
  if (builtins.includes('Internal Binding sqlite') || builtins.includes('NativeModule sqlite'))
    others.push('node:sqlite');
  return others;
}

/** How long an answer is good for whom many files are opened. */
const GOOD_FOR_MS = 1_000;

/** The same question asked for many files: what a process has loaded is read once a second at most. */
export class ForeignEngines {
  #found: readonly string[] = [];
  #at = -Infinity;

  look(now: number): readonly string[] {
    if (now - this.#at >= GOOD_FOR_MS) {
      this.#found = foreignEngines();
      this.#at = now;
    }
    return this.#found;
  }
}

/**
 * Throws `ENGINE_REFUSED` when something else in this process has the file open already: closing it there would drop our locks,
 * and commits that were acknowledged would be lost. Our own engine in another thread is no danger: it knows of every connection in
 * the process. Looks at descriptors by `fstat` only.
 */
export function assertNotOpenElsewhere(name: string, path: string): void {
  const file = identityOf(path);
  const descriptor = file && descriptorsOf(file)[0];
  if (descriptor === undefined || isLockedByUs(path)) return;
  throw new DatabaseError('ENGINE_REFUSED', `${path} is already open in this process (descriptor ${descriptor})`, {
    database: name,
    advice: 'close the other SQLite library or file handle first; two of them in one process drop each other’s locks',
  });
}

function descriptorsOf(file: FileIdentity): readonly string[] {
  try {
    return readdirSync('/proc/self/fd').filter((descriptor) => isOf(Number(descriptor), file));
  } catch {
    return [];
  }
}

/** Asked of the descriptor itself: by its path in /proc it takes three times as long, and a process may have a thousand. */
function isOf(descriptor: number, { device, inode }: FileIdentity): boolean {
  try {
    const { dev, ino } = fstatSync(descriptor);
    return ino === inode && dev === device;
  } catch {
    return false;
  }
}

/** Whether the only engine that is loaded holds a lock on the file: a plain file handle holds none. */
function isLockedByUs(path: string): boolean {
  if (foreignEngines().length > 0) return false;
  return locksOnFile(`${path}-shm`, readLockTable()).some(({ pid }) => pid === process.pid);
}

// Undocumented, but the only thing that tells a built-in module that was loaded from one that could be.
function loadedBuiltins(): readonly string[] {
  const { moduleLoadList } = process as { readonly moduleLoadList?: readonly string[] };
  return moduleLoadList ?? [];
}

function readMaps(): string {
  try {
    return readFileSync('/proc/self/maps', 'utf8');
  } catch {
    return '';
  }
}
