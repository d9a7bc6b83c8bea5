import { statSync, type Stats } from 'node:fs';

/** What `stat` says of a path that may be any text; undefined where nothing is, or where it cannot be looked at. */
export function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
