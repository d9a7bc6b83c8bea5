import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Everything in a directory: inode and mode of each entry, content and time of change of each file. Two that are equal mean that nobody touched it. */
export function pictureOf(directory: string): Readonly<Record<string, string>> {
  const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted((a, b) => a.localeCompare(b));
  return Object.fromEntries(
    entries.map((name) => {
      const path = join(directory, name);
      const stats = lstatSync(path);
      const what = `inode ${stats.ino} mode ${stats.mode.toString(8)}`;
      if (!stats.isFile()) return [name, what];
      return [
        name,
        `${what} changed ${stats.mtimeMs} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`,
      ];
    }),
  );
}
