import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** A file system in memory that can be full. Unmounted when the scope ends. */
export interface SmallDisk extends Disposable {
  grow(size: string): void;
}

/** Mounts one; undefined where this process may not. */
export function smallDisk(path: string, size: string): SmallDisk | undefined {
  mkdirSync(path, { recursive: true });
  const mount = (options: string): void => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' });
  };
  try {
    mount(`size=${size}`);
  } catch {
    return undefined;
  }
  return {
    grow: (larger) => {
      mount(`remount,size=${larger}`);
    },
    [Symbol.dispose]: () => {
      execFileSync('umount', ['--lazy', path]);
    },
  };
}
