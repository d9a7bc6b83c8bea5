import { budgetSettings, DATABASE_SETTINGS, SERVICE_SETTINGS, SHARED_SETTINGS, type Setting } from './setting.ts';

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

/** The budgets of a database, by their names. */
export type BudgetsOf = (database: string) => readonly string[];

/** Every place of a layout: those of the process, those of all databases, those of each database named and its budgets. */
export function settingPlaces(
  layout: Layout,
  databases: readonly string[],
  budgetsOf: BudgetsOf,
): readonly SettingPlace[] {
  const group = layout === 'file' ? ['database'] : [];
  return [
    ...SERVICE_SETTINGS.map((setting) => place(layout, group, setting)),
    ...SHARED_SETTINGS.map((setting) => place(layout, ['database'], setting)),
    ...databases.flatMap((name) =>
      settingsOf(budgetsOf(name)).map((setting) => place(layout, ['databases', name], setting, name)),
    ),
  ];
}

/** Everything that can be set for a database with these budgets. */
export function settingsOf(budgets: readonly string[]): readonly Setting[] {
  return [...DATABASE_SETTINGS, ...budgets.flatMap((budget) => budgetSettings(budget))];
}

/** Where the budgets of a database stand in a source. */
export function budgetsPath(layout: Layout, database: string): readonly string[] {
  return layout === 'file' ? ['databases', database, 'pool', 'budgets'] : ['databases', database, 'budgets'];
}

/** Under what a source says that there is a budget, whatever it says of it. */
export function budgetKey(database: string, budget: string): string {
  return `databases.${database}.pool.budgets.${budget}`;
}

/** What a setting is called, for one database or for the process and all databases. */
export function settingKey({ key }: Pick<Setting, 'key'>, database?: string): string {
  return database === undefined ? `database.${key}` : `databases.${database}.${key}`;
}

function place(layout: Layout, group: readonly string[], setting: Setting, database?: string): SettingPlace {
  const spelling = layout === 'file' ? setting.key : setting.field;
  return { setting, database, path: [...group, ...spelling.split('.')], key: settingKey(setting, database) };
}
