import { join } from 'node:path';
import { nearestKey } from './config/nearest-key.ts';
import { shown } from './config/problem.ts';
import { DatabaseError } from './errors.ts';
import type { Logger } from './logger.ts';

/** Where the database of an adapter is when there is no service to ask, and who hears that there is none. */
export interface DirectLocation {
  /** Default: as the adapter says. A service that was closed leaves its own place behind, which goes before this. */
  readonly dataDirectory?: string | undefined;
  /** Default: a warning of the process. */
  readonly logger?: Logger | undefined;
}

/** What such a place consists of. */
export const LOCATION_KEYS = ['dataDirectory', 'logger'] as const satisfies readonly (keyof DirectLocation)[];

/**
 * The path of an adapter's file: in the directory that its caller names, else in `usual`. Throws `CONFIG` for a location that is none,
 * by name: callers of old interfaces write in plain JavaScript, and what they misspell would be made anew in the usual place.
 */
export function pathAt(location: DirectLocation, file: string, usual: string): string {
  if (typeof location !== 'object' || location === null)
    throw new DatabaseError(
      'CONFIG',
      `the location of ${file} is ${shown(location)}; expected { ${LOCATION_KEYS.join(', ')} }`,
    );
  for (const key of Object.keys(location))
    if (!LOCATION_KEYS.some((known) => known === key))
      throw new DatabaseError('CONFIG', `the location of ${file} has no option ${key}`, {
        advice: `did you mean ${nearestKey(key, LOCATION_KEYS)}`,
      });
  const { dataDirectory = usual } = location;
  if (typeof dataDirectory === 'string' && dataDirectory.trim() !== '' && !dataDirectory.includes('\0'))
    return join(dataDirectory, file);
  throw new DatabaseError(
    'CONFIG',
    `the option dataDirectory of the location of ${file} is ${shown(dataDirectory, 'an object')}; expected the path of a directory`,
  );
}
