import type { ResolvedSettings } from '../config/resolved-settings.ts';
import { assertRuntime } from '../runtime-version.ts';
import type { DatabaseService } from './database-service.ts';
import { ProcessDatabaseService } from './process-database-service.ts';
import type { Definitions, ServiceConfig } from './service-config.ts';
import { SettingsSource } from './settings-source.ts';

/**
 * Opens the service. Rejects for a wrong configuration, before anything is opened, and for a database marked `required` that
 * cannot be used; any other database that fails is `failed` alone, says why when it is used, and is tried again.
 */
export async function openDatabaseService<const D extends Definitions>(
  config: ServiceConfig<D>,
): Promise<DatabaseService<D>> {
  assertRuntime(process.versions.node);
  const source = new SettingsSource(config);
  const service = new ProcessDatabaseService<D>(config, source, source.read());
  await service.open();
  return service;
}

/** Resolves settings without opening anything: what a service would do with this configuration, and why. */
export function settingsOf(config: ServiceConfig): ResolvedSettings {
  return new SettingsSource(config).read();
}
