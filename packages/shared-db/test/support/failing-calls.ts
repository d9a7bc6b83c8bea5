import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why tests with one of these are skipped. */
export const NO_FAILING_CALLS = 'system calls cannot be made to fail here: that takes Linux and a C compiler, cc';

/** What fails, on which files. */
export interface Failing {
  /** Syncing to the disk, reading, writing. */
  readonly call: 'sync' | 'read' | 'write';
  /** How the names of the files end. */
  readonly suffix: string;
  /** What the caller is told. Cut short: half of the work is done and no error told. */
  readonly error: 'EIO' | 'ENOSPC' | 'cut short';
  /** How many more bytes are written before a write fails. Default 0. */
  readonly roomBytes?: number;
}

const ERRORS = { EIO: 5, ENOSPC: 28, 'cut short': 0 } as const;

/** System calls of other processes that fail when a test says so. Gone when the scope ends. */
export interface FailingCalls extends Disposable {
  /** What those processes are started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** From now on they fail, every time. */
  fail(failing: Failing): void;
  /** From now on they do not. */
  mend(): void;
  /** How many have failed since they were made to fail last. */
  readonly failed: number;
}

/** Compiles what is preloaded into them. Undefined where that cannot be done. */
export function failingCalls(): FailingCalls | undefined {
  if (process.platform !== 'linux') return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'hive-calls-'));
  const library = join(directory, 'failing-calls.so');
  const faults = join(directory, 'faults');
  const count = `${faults}.count`;
  const remove = (): void => {
    rmSync(directory, { recursive: true });
  };
  try {
    const source = join(import.meta.dirname, 'failing-calls.c');
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], { stdio: 'ignore' });
  } catch {
    remove();
    return undefined;
  }
  return {
    environment: { LD_PRELOAD: library, HIVE_FAULTS: faults },
    fail: ({ call, suffix, error, roomBytes = 0 }) => {
      rmSync(count, { force: true });
      writeFileSync(faults, `${call} ${suffix} ${ERRORS[error]} ${roomBytes}`);
    },
    mend: () => {
      rmSync(faults, { force: true });
    },
    get failed() {
      return existsSync(count) ? statSync(count).size : 0;
    },
    [Symbol.dispose]: remove,
  };
}
