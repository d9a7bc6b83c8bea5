import { readdirSync, readFileSync, statSync } from 'node:fs';
import { DatabaseError } from '../errors.ts';
import { inodeOf } from './path.ts';

/** Libraries that bring a SQLite of their own. */
const ENGINE_FILE = /(?:better_sqlite3|node_sqlite3|libsql|sqlite3)[^/]*\.(?:node|so(?:\.[\d.]+)?|dylib)$/;

/**
 * Other SQLite engines in this process. Two engines do not know of each other's locks: when one closes a file, the system drops
 * the locks of both (sqlite.org/howtocorrupt.html, section 2.2.1). Linux only; elsewhere the answer is always none.
 */
export function foreignEngines(
  maps: string = readMaps(),
  builtins: readonly string[] = loadedBuiltins(),
): readonly string[] {
  const files = new Set(
    maps
      .split('\n')
      .map((line) => line.slice(line.indexOf('/')))
      .filter((file) => ENGINE_FILE.test(file)),
  );
  const ours = [...files].find((file) => file.includes('better_sqlite3'));
  const others = [...files].filter((file) => file !== ours);
  if (builtins.includes('Internal Binding sqlite') || builtins.includes('NativeModule sqlite'))
    others.push('node:sqlite');
  return others;
}

/**
 * Throws `ENGINE_REFUSED` when something else in this process has the file open already: closing it there would drop our locks,
 * and commits that were acknowledged would be lost. Looks at descriptors by `stat` only.
 */
export function assertNotOpenElsewhere(name: string, path: string): void {
  const inode = inodeOf(path);
  if (inode === undefined) return;
  let descriptors: readonly string[];
  try {
    descriptors = readdirSync('/proc/self/fd');
  } catch {
    return;
  }
  for (const descriptor of descriptors) {
    if (inodeOfDescriptor(descriptor) !== inode) continue;
    throw new DatabaseError('ENGINE_REFUSED', `${path} is already open in this process (descriptor ${descriptor})`, {
      database: name,
      advice: 'close the other SQLite library or file handle first; two of them in one process drop each other’s locks',
    });
  }
}

function inodeOfDescriptor(descriptor: string): string | undefined {
  try {
    const { dev, ino } = statSync(`/proc/self/fd/${descriptor}`);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
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
