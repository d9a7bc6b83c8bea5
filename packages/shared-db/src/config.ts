export { loadSettings } from './config/load-settings.ts';
export type { SettingsLocation } from './config/load-settings.ts';
export { resolveSettings } from './config/resolve-settings.ts';
export type { SettingsSources } from './config/resolve-settings.ts';
export type { CodeSettings } from './config/code-settings.ts';
export type { Environment } from './config/environment.ts';
export type { SettingsFile } from './config/settings-file.ts';
export type { TextFile } from './config/text-file.ts';
export type {
  HealthDetails,
  HttpSettings,
  NamedDatabaseSettings,
  ResolvedSettings,
  ServiceSettings,
  SettingOrigin,
  SharedDatabaseSettings,
} from './config/resolved-settings.ts';

export type { ChosenProfile } from './config/profile.ts';
export { writtenThreshold, type WrittenThreshold } from './config/written-threshold.ts';
export { DATABASE_NAME_IN_WORDS, isDatabaseKey } from './config/database-name.ts';
export { likelyKey } from './config/nearest-key.ts';
export { describeOrigins, inheritedKeys } from './config/describe-origins.ts';
export type { DescribedOrigin } from './config/describe-origins.ts';
export { settingsJsonSchema } from './config/settings-schema.ts';
export { checkPlaces, refusedPaths, type Place } from './sqlite/places.ts';
export { runtimeDirectoryIn } from './config/runtime-directory-variable.ts';
