import { utimesSync, writeFileSync } from 'node:fs';

/** Writes a file as if that had been a minute ago: nobody waits for more of it. */
export function save(path: string, text: string): void {
  writeFileSync(path, text);
  const aMinuteAgo = Date.now() / 1_000 - 60;
  utimesSync(path, aMinuteAgo, aMinuteAgo);
}
