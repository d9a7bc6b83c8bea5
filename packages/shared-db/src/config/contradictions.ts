import type { Thresholds } from '../health/thresholds.ts';
import { BY_HAND } from './changes.ts';
import { inheritedKeys } from './describe-origins.ts';
import type { Problem } from './problem.ts';
import type { ResolvedSettings, SettingOrigin } from './resolved-settings.ts';
import { DATABASE_SETTINGS, SERVICE_SETTINGS, type Setting } from './setting.ts';
import { settingKey } from './setting-place.ts';

/** An effective value, with the name that it has where it comes from. */
interface Found extends SettingOrigin {
  readonly name: string;
}

/**
 * What is right by itself and wrong together. The blame is on what somebody set, not on a default; what a database has from its pattern is
 * the pattern's alone.
 */
export function contradictions(settings: ResolvedSettings): readonly Problem[] {
  const places = new Map(settings.origins.map((origin) => [origin.key, origin]));
  const databases = Object.keys(settings.databases);
  const inherited = inheritedKeys(settings);
  return [
    ...[undefined, ...databases].flatMap((name) => ofThresholds(places, inherited, name)),
    ...databases.flatMap((name) => ofAutoSize(places, inherited, name)),
    ...databases.flatMap((name) => ofInitialSize(places, inherited, name)),
    ...databases.flatMap((name) =>
      ofBudgets(places, inherited, name, Object.keys(settings.databases[name]?.budgets ?? {})),
    ),
  ];
}

/** What would have to be there when the process starts, though nobody can say that it will be: databases that a pattern stands for. */
export function neverRequired({ origins, databases }: ResolvedSettings): readonly Problem[] {
  const places = new Map(origins.map((origin) => [origin.key, origin]));
  return Object.keys(databases)
    .filter((name) => name.includes('*'))
    .map((name) => found(places, 'required', name))
    .filter(({ value }) => value === true)
    .map(({ name, origin }) => ({
      where: origin,
      what: `${name} is true, and a database by pattern cannot be required: none is opened before it is used`,
      advice: 'leave it out, or give the database a name and a definition of its own in code',
    }));
}

/** Thresholds of which one may be no more than the other. */
export const PAIRED_THRESHOLDS = [
  'utilisationWarn',
  'utilisationCritical',
] as const satisfies readonly (keyof Thresholds)[];

/** As a pool has it. */
const MOST_BUDGETS = 1_000;

type Places = ReadonlyMap<string, SettingOrigin>;

function ofThresholds(
  places: Places,
  inherited: ReadonlySet<string>,
  database: string | undefined,
): readonly Problem[] {
  const [lower, upper] = PAIRED_THRESHOLDS;
  const warn = found(places, `thresholds.${lower}`, database);
  const critical = found(places, `thresholds.${upper}`, database);
  if (Number(warn.value) <= Number(critical.value)) return [];
  if (areInherited(inherited, warn, critical)) return [];
  // The blame is on what somebody set for it, not on a default or on what holds for all.
  const isGiven = warn.origin === 'default' || inherited.has(warn.key);
  return [isGiven ? misfit(critical, 'at least', warn) : misfit(warn, 'at most', critical)];
}

function ofAutoSize(places: Places, inherited: ReadonlySet<string>, database: string): readonly Problem[] {
  const [min, max, size] = ['autoSize.min', 'autoSize.max', 'poolSize'].map((field) => found(places, field, database));
  if (min === undefined || max === undefined || size === undefined) throw new Error('BUG: a pool has no size');
  if ((min.value === undefined && max.value === undefined) || areInherited(inherited, min, max, size)) return [];
  if (min.value === undefined)
    return [{ where: max.origin, what: `${max.name} is set without ${min.name}, expected both or none` }];
  if (max.value === undefined)
    return [{ where: min.origin, what: `${min.name} is set without ${max.name}, expected both or none` }];
  if (Number(min.value) > Number(max.value)) return [misfit(max, 'at least', min)];
  if (Number(size.value) < Number(min.value)) return [misfit(size, 'at least', min)];
  return Number(size.value) > Number(max.value) ? [misfit(size, 'at most', max)] : [];
}

function ofInitialSize(places: Places, inherited: ReadonlySet<string>, database: string): readonly Problem[] {
  const [initial, size] = [found(places, 'initialSize', database), found(places, 'poolSize', database)];
  // They were opened with the database: whoever has fewer from now on contradicts nobody.
  if (size.origin.startsWith(BY_HAND)) return [];
  if (Number(initial.value) <= Number(size.value) || areInherited(inherited, initial, size)) return [];
  return [misfit(initial, 'at most', size)];
}

function ofBudgets(
  places: Places,
  inherited: ReadonlySet<string>,
  database: string,
  budgets: readonly string[],
): readonly Problem[] {
  if (budgets.length > MOST_BUDGETS) {
    const last = found(places, `budgets.${budgets.at(-1)}.weight`, database);
    if (areInherited(inherited, last)) return [];
    const { origin: where } = last;
    return [{ where, what: `${database} has ${budgets.length} budgets, expected ${MOST_BUDGETS} at most` }];
  }
  const terms = (budget: string, term: string): Found => found(places, `budgets.${budget}.${term}`, database);
  const crossed = budgets.flatMap((budget) => {
    const [reserved, max] = [terms(budget, 'reserved'), terms(budget, 'max')];
    return max.value === undefined ||
      Number(reserved.value) <= Number(max.value) ||
      areInherited(inherited, reserved, max)
      ? []
      : [misfit(reserved, 'at most', max)];
  });
  if (crossed.length > 0) return crossed;
  const reserves = budgets.map((budget) => terms(budget, 'reserved')).filter(({ value }) => Number(value) > 0);
  const [size, overflow] = [found(places, 'poolSize', database), found(places, 'maxOverflow', database)];
  const sum = reserves.reduce((all, { value }) => all + Number(value), 0);
  const most = Number(size.value) + Number(overflow.value);
  const last = reserves.at(-1);
  if (sum <= most || last === undefined || areInherited(inherited, size, overflow, ...reserves)) return [];
  const list = reserves.map(({ name, value }) => `${value} by ${name}`).join(', ');
  const limit = `${size.name} is ${size.value} (${size.origin}) and ${overflow.name} is ${overflow.value} (${overflow.origin})`;
  return [
    {
      where: last.origin,
      what: `the budgets of ${database} reserve ${sum} connections (${list}), expected at most ${most}: ${limit}`,
    },
  ];
}

/** Whether it is all said of the pattern already. */
function areInherited(inherited: ReadonlySet<string>, ...all: readonly Found[]): boolean {
  return all.every(({ key }) => inherited.has(key));
}

function misfit(wrong: Found, relation: string, other: Found): Problem {
  const expected = `${relation} ${other.name}, which is ${other.value} (${other.origin})`;
  return { where: wrong.origin, what: `${wrong.name} must be ${expected}, not ${wrong.value}` };
}

/** What is in force of a setting, of one database where one is named. */
function found(places: Places, field: string, database?: string): Found {
  const setting = settingOf(field, database);
  const origin = places.get(settingKey(setting, database));
  if (origin === undefined) throw new Error(`BUG: nobody has settled ${field}`);
  const inCode = database === undefined ? field : `databases.${database}.${field}`;
  return { ...origin, name: origin.origin === 'code' ? inCode : origin.key };
}

function settingOf(field: string, database: string | undefined): Pick<Setting, 'key'> {
  if (field.startsWith('budgets.')) return { key: `pool.${field}` };
  const all = database === undefined ? SERVICE_SETTINGS : DATABASE_SETTINGS;
  const setting = all.find((one) => one.field === field);
  if (setting === undefined) throw new Error(`BUG: nobody knows ${field}`);
  return setting;
}
