import type { Io } from './io.ts';

const VARIABLE = 'HIVE_RUNTIME_DIR';
/** Variables of ours that say something else. */
const OTHERS = ['HIVE_PROFILE', 'HIVE_PROFILE_FILE'];

/**
 * The runtime directory of the environment, which services have read by the same rules: what they would refuse is refused here, too.
 * Throws a `DatabaseError` then. What reads settings is loaded only where there is more to it than the one plain variable.
 */
export async function meetingPlaceIn(env: Io['env']): Promise<string | undefined> {
  const isPlain = !Object.keys(env).some((name) => /^HIVE_/i.test(name) && ![VARIABLE, ...OTHERS].includes(name));
  if (isPlain) return env[VARIABLE];
  const { runtimeDirectoryIn } = await import('@hive/shared-db/config');
  return runtimeDirectoryIn(env);
}
