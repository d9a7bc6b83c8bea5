import { loadSettings, resolveSettings, type SettingsSources } from '@hive/shared-db/config';
import { DatabaseError } from '@hive/shared-db';

/** The error that settings are refused with. */
export function refusalOf(sources: Partial<SettingsSources>): DatabaseError {
  return caught(() => resolveSettings({ databases: ['orders', 'hive-bus'], ...sources }));
}

/** The error that a settings file is refused with when it is read from the disk. */
export function loadRefusalOf(file: string, env: Readonly<Record<string, string>> = {}): DatabaseError {
  return caught(() => loadSettings({ file, env, databases: ['orders'] }));
}

/** One sentence for each thing that is wrong. */
export function sentencesOf(error: DatabaseError): readonly string[] {
  return error.cause instanceof AggregateError
    ? error.cause.errors.map((one: DatabaseError) => one.message)
    : [error.message];
}

function caught(fn: () => unknown): DatabaseError {
  try {
    fn();
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'HIVEDB_E_CONFIG') return error;
    throw error;
  }
  throw new Error('the settings were accepted');
}
