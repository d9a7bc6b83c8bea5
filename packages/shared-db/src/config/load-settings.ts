import { refusal } from './problem.ts';
import type { ResolvedSettings } from './resolved-settings.ts';
import { resolveSettings, type SettingsSources } from './resolve-settings.ts';
import type { SettingsFile } from './settings-file.ts';
import { readTextFile } from './text-file.ts';

/** Everything that settings are made of, where files are still to be read. */
export interface SettingsLocation extends Omit<SettingsSources, 'file' | 'readText'> {
  /** Path of the settings file; it need not exist. Default: there is none. */
  readonly file?: string | undefined;
}

/**
 * Reads the settings file and the files that `_FILE` variables name, synchronously and at most 64 KiB each, and resolves the
 * settings. Throws `CONFIG` where `resolveSettings` does, and for a settings file that is there and cannot be read.
 */
export function loadSettings({ file, ...sources }: SettingsLocation): ResolvedSettings {
  return resolveSettings({
    ...sources,
    file: file === undefined ? undefined : readSettings(file),
    readText: readTextFile,
  });
}

/** The settings file, also where there is none. Throws `CONFIG` for one that cannot be read. */
export function readSettings(path: string): SettingsFile {
  if (path === '') throw refusal({ where: 'code', what: 'file must be the path of a settings file, not ""' });
  const content = readTextFile(path);
  if ('text' in content) return { path, text: content.text };
  if ('missing' in content) return { path, text: '', absent: true };
  throw refusal({
    where: path,
    what: `the settings file must be a readable YAML file, but it ${content.fault}`,
    advice: 'correct or remove it',
  });
}
