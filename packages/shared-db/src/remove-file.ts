import { rmSync } from 'node:fs';

/** Removes a file; true when it is gone, whoever did it. Where that is not permitted it stays. */
export function removeFile(path: string): boolean {
  try {
    rmSync(path, { force: true });
    return true;
  } catch {
    return false;
  }
}
