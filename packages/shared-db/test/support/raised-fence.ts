import { mkdirSync, statSync, writeFileSync } from 'node:fs';

/** Leaves word of a file, as a process does that has met an I/O error on it. */
export function raiseFence(path: string, runtimeDirectory: string): void {
  const { dev, ino } = statSync(path);
  mkdirSync(`${runtimeDirectory}/fences`, { recursive: true, mode: 0o700 });
  writeFileSync(`${runtimeDirectory}/fences/${dev}-${ino}`, '{}');
}
