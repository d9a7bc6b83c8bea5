import type { Environment } from './environment.ts';
import { isSlipOf } from './nearest-key.ts';
import { resolveSettings } from './resolve-settings.ts';
import { readTextFile } from './text-file.ts';

const VARIABLE = 'HIVE_RUNTIME_DIR';

/**
 * Where processes with this environment meet: `HIVE_RUNTIME_DIR`, or what the file holds that `HIVE_RUNTIME_DIR_FILE` names; undefined
 * where neither is set. Throws `CONFIG` for what a service would refuse, a slip for the name included. Nothing else of it is looked at.
 */
export function runtimeDirectoryIn(env: Environment): string | undefined {
  const ofIt = Object.entries(env).filter(([name]) => name.startsWith('HIVE_RUNTIME_') || isSlipOf(name, VARIABLE));
  return resolveSettings({ env: Object.fromEntries(ofIt), databases: [], readText: readTextFile }).runtimeDirectory;
}
