import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system in memory of its own, that can be full. Unmounted when the scope ends. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Changes its size or makes it read-only. */
  remount(options: string): void;
}

/** Mounts one; undefined where this process may not. */
export function smallDisk(kilobytes: number): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), 'hive-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    rmSync(path, { recursive: true });
    return undefined;
  }
  return {
    path,
    remount: (options) => {
      execFileSync('mount', ['-o', `remount,${options}`, path]);
    },
    [Symbol.dispose]: () => {
      execFileSync('umount', ['--lazy', path]);
      rmSync(path, { recursive: true });
    },
  };
}
