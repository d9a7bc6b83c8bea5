import type { CodeSettings } from '../config/code-settings.ts';
import { readSettings } from '../config/load-settings.ts';
import { patternAmong, type PatternOf } from '../config/name-pattern.ts';
import { refusal } from '../config/problem.ts';
import type { ResolvedSettings } from '../config/resolved-settings.ts';
import { resolveSettings } from '../config/resolve-settings.ts';
import { readTextFile } from '../config/text-file.ts';
import { checkConfig, type ServiceConfig } from './service-config.ts';

/** Where the settings of a service come from, as often as they are read. */
export class SettingsSource {
  readonly #config: ServiceConfig;
  readonly #code: CodeSettings;
  /** The names of the databases as code has them, patterns included. */
  readonly #databases: readonly string[];
  /** The pattern that a database without a definition of its own is by. */
  readonly patternOf: PatternOf;
  #hadText = false;

  /** Throws `CONFIG` or `NAME` for a configuration that is wrong without looking at settings. */
  constructor(config: ServiceConfig) {
    checkConfig(config);
    this.#config = config;
    this.#code = codeOf(config);
    this.#databases = Object.keys(config.databases);
    this.patternOf = patternAmong(this.#databases);
  }

  /** The file that they stand in; undefined where there is none. */
  get file(): string | undefined {
    return this.#config.settingsFile;
  }

  /**
   * Reads the file and the environment as they are now. Throws `CONFIG` for what is wrong in them; and for a file that had something in it
   * and is gone or empty: somebody is about to write it, and what it said is not taken back by half a write.
   */
  read(): ResolvedSettings {
    const { settingsFile: path, env = {}, profile, otherDatabases } = this.#config;
    const file = path === undefined ? undefined : readSettings(path);
    const hasText = file !== undefined && file.text.trim() !== '';
    if (file !== undefined && this.#hadText && !hasText)
      throw refusal({
        where: file.path,
        what: `the settings file ${file.absent === true ? 'is gone' : 'is empty'}, and had settings in it before`,
        advice: 'write it again; to take all settings back, leave a comment in it',
      });
    const settings = resolveSettings({
      code: this.#code,
      file,
      profile,
      env,
      databases: this.#databases,
      otherDatabases,
      readText: readTextFile,
    });
    this.#hadText = hasText;
    return settings;
  }
}

function codeOf(config: ServiceConfig): CodeSettings {
  const { dataDirectory, runtimeDirectory, presence, offloadWorkers, logLevel, http } = config;
  const { database, thresholds, databases } = config;
  return {
    ...defined({ dataDirectory, runtimeDirectory, presence, offloadWorkers, logLevel, http, database, thresholds }),
    databases: Object.fromEntries(Object.entries(databases).map(([name, { settings }]) => [name, settings])),
  };
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
