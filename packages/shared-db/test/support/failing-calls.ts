import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { preloadedLibrary } from './preloaded-library.ts';

/** What fails, on which files. */
export interface Failing {
  /** Syncing to the disk, reading, writing. */
  readonly call: 'sync' | 'read' | 'write';
  /** How the names of the files end. */
  readonly suffix: string;
  /** What the caller is told. Cut short: half of the work is done and no error told. */
  readonly error: 'EIO' | 'ENOSPC' | 'EROFS' | 'cut short';
  /** How many more bytes are written before a write fails. Default 0. */
  readonly roomBytes?: number;
}

const ERRORS = { EIO: 5, ENOSPC: 28, EROFS: 30, 'cut short': 0 } as const;

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

/** Undefined where no library can be preloaded. */
export function failingCalls(): FailingCalls | undefined {
  const library = preloadedLibrary('failing-calls');
  if (library === undefined) return undefined;
  const faults = library.file('faults');
  const count = library.file('faults.count');
  return {
    environment: { ...library.environment, HIVE_FAULTS: faults },
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
    [Symbol.dispose]: () => {
      library[Symbol.dispose]();
    },
  };
}
