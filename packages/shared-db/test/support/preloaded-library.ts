import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why tests that need one are skipped. */
export const NO_PRELOADED_LIBRARY = 'system calls cannot be watched here: that takes Linux and a C compiler, cc';

/** A library that stands between a process and the system when the process is started with it. Gone when the scope ends. */
export interface PreloadedLibrary extends Disposable {
  /** What the process is started with. */
  readonly environment: Readonly<Record<'LD_PRELOAD', string>>;
  /** The path of a file that the library may write or read. */
  file(name: string): string;
}

/** Compiles the C file of this name beside this one. Undefined where that cannot be done. */
export function preloadedLibrary(name: string): PreloadedLibrary | undefined {
  if (process.platform !== 'linux') return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'hive-library-'));
  const library = join(directory, `${name}.so`);
  const remove = (): void => {
    rmSync(directory, { recursive: true });
  };
  try {
    const source = join(import.meta.dirname, `${name}.c`);
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], { stdio: 'ignore' });
  } catch {
    remove();
    return undefined;
  }
  return {
    environment: { LD_PRELOAD: library },
    file: (file) => join(directory, file),
    [Symbol.dispose]: remove,
  };
}
