import type { ServiceSnapshot } from '@hive/shared-db';

/** A setting that was changed by hand, or that decides what a process logs. */
export interface StatedSettingDocument {
  /** As a settings file spells it. */
  readonly key: string;
  readonly value: string;
  readonly origin: string;
}

/** What documents say of the settings of a process; absent where there is nothing to be said. */
export interface StatedSettings {
  readonly settings?: readonly StatedSettingDocument[];
}

export function statedSettingsOf({ settings = [] }: Partial<Pick<ServiceSnapshot, 'settings'>>): StatedSettings {
  if (settings.length === 0) return {};
  return { settings: settings.map(({ key, value, origin }) => ({ key, value, origin })) };
}
