import { DATABASE_SETTINGS, SERVICE_SETTINGS, SHARED_SETTINGS, type Setting } from './setting.ts';

/** How a source is laid out: as a settings file (the environment is read as one), or as the object that code passes. */
export type Layout = 'file' | 'code';

/** One place where a source can give a value. */
export interface SettingPlace {
  readonly setting: Setting;
  /** The database it is for, undefined where it is for all of them or for the process. */
  readonly database: string | undefined;
  /** Where it stands in the source. */
  readonly path: readonly string[];
  /** The same for every source: `databases.orders.pool.size`. */
  readonly key: string;
}

/** Every place of a layout: those of the process, those of all databases, those of each database named. */
export function settingPlaces(layout: Layout, databases: readonly string[]): readonly SettingPlace[] {
  const group = layout === 'file' ? ['database'] : [];
  return [
    ...SERVICE_SETTINGS.map((setting) => place(layout, group, setting)),
    ...SHARED_SETTINGS.map((setting) => place(layout, ['database'], setting)),
    ...databases.flatMap((name) =>
      DATABASE_SETTINGS.map((setting) => place(layout, ['databases', name], setting, name)),
    ),
  ];
}

/** What a setting is called, for one database or for the process and all databases. */
export function settingKey({ key }: Setting, database?: string): string {
  return database === undefined ? `database.${key}` : `databases.${database}.${key}`;
}

function place(layout: Layout, group: readonly string[], setting: Setting, database?: string): SettingPlace {
  const spelling = layout === 'file' ? setting.key : setting.field;
  return { setting, database, path: [...group, ...spelling.split('.')], key: settingKey(setting, database) };
}
