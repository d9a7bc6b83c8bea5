import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../make-directory.ts';

/**
 * Word that processes leave for each other: a file must not be written before it has been verified. One empty-named file per
 * database file, by device and inode, in the runtime directory; without one, each process fences for itself alone.
 */
export class Fences {
  readonly #directory: string | undefined;

  constructor(runtimeDirectory: string | undefined) {
    this.#directory = runtimeDirectory === undefined ? undefined : join(runtimeDirectory, 'fences');
  }

  isUp(inode: string): boolean {
    return this.#directory !== undefined && existsSync(this.#path(this.#directory, inode));
  }

  /** Failing to leave word must not hide why it had to be left. */
  raise(inode: string, why: { readonly pid: number; readonly code: string; readonly at: number }): void {
    if (this.#directory === undefined) return;
    try {
      makeDirectory(this.#directory, 0o700);
      writeFileSync(this.#path(this.#directory, inode), `${JSON.stringify(why)}\n`, { mode: 0o600 });
    } catch {
      // The disk that failed may be this one too.
    }
  }

  lower(inode: string): void {
    if (this.#directory !== undefined) rmSync(this.#path(this.#directory, inode), { force: true });
  }

  #path(directory: string, inode: string): string {
    return join(directory, inode.replace(':', '-'));
  }
}
