import { DatabaseError } from './errors.ts';
import type { DeprecationSnapshot, ServiceSnapshot } from './snapshot.ts';

/** Raised when what is kept changes its shape: two copies of this package in one process must not misread each other. */
const VERSION = 1;
const KEY = Symbol.for('@hive/shared-db');

/** What a process knows once, however many copies and components ask. The only global state of this package. */
export interface ProcessRegistry {
  readonly version: number;
  /** The configured service; see service/configured-service.ts. */
  configured: unknown;
  /** Which database has a file open, by inode; see sqlite/claims.ts. */
  readonly files: Map<string, string>;
  /** Databases that adapters use on direct connections, and why. */
  readonly fallbacks: Map<string, string>;
  /** Those databases themselves, while they are open; see direct.ts. */
  readonly direct: Map<string, Promise<unknown>>;
  readonly deprecations: Map<string, MutableDeprecation>;
}

export type MutableDeprecation = { -readonly [K in keyof DeprecationSnapshot]: DeprecationSnapshot[K] } & {
  callSites: string[];
};

/** The registry of this process (and worker thread). Throws `CONFIG` when another version of this package has made it. */
export function processRegistry(): ProcessRegistry {
  const holder = globalThis as { [KEY]?: ProcessRegistry };
  holder[KEY] ??= {
    version: VERSION,
    configured: undefined,
    files: new Map(),
    fallbacks: new Map(),
    direct: new Map(),
    deprecations: new Map(),
  };
  const { version } = holder[KEY];
  if (version !== VERSION)
    throw new DatabaseError(
      'CONFIG',
      `this process has loaded two versions of @hive/shared-db (registry ${version} and ${VERSION})`,
      {
        advice: 'install one version: npm ls @hive/shared-db shows who brings which',
      },
    );
  return holder[KEY];
}

/** The adapters of this process that work on direct connections, and why. Frozen. */
export function fallbacksOfProcess(): ServiceSnapshot['fallbacks'] {
  const { fallbacks } = processRegistry();
  return Object.freeze(Array.from(fallbacks, ([database, reason]) => ({ database, reason })));
}
