import { DATABASE_KEY, DATABASE_NAME_IN_WORDS, isDatabaseName } from './database-name.ts';
import { isSecret } from './describe-origins.ts';
import { formerKeyAdvice } from './former-keys.ts';
import { patternAmong } from './name-pattern.ts';
import { isSlipOf, nearestKey } from './nearest-key.ts';
import type { Problem } from './problem.ts';
import { budgetKey, budgetsPath, settingPlaces, type Layout, type SettingPlace } from './setting-place.ts';
import type { SettingValue } from './value-kind.ts';

/** Somewhere settings come from, read into one tree but not checked. */
export interface Source {
  readonly layout: Layout;
  readonly tree: unknown;
  /** Whether other processes with other databases read it too. */
  readonly shared: boolean;
  /** Names that may stand beside its groups and are read by somebody else. Default: none. */
  readonly siblings?: readonly string[];
  /** What the reader calls what stands at this path. */
  nameAt(path: readonly string[]): string;
  /** What a sentence about it begins with: `settings.yaml:3`, `environment`, `code`. */
  whereIs(path: readonly string[]): string;
  /** What it says as the origin of a value. */
  originOf(path: readonly string[]): string;
  /** The wrong value that stands there, as far as it may be shown. */
  show(path: readonly string[], value: unknown): string;
}

/** A value and the place that gave it. */
interface Given {
  readonly value: SettingValue;
  readonly origin: string;
}

/** What one source gives, by the key of the setting. */
export type Layer = ReadonlyMap<string, Given>;

/** What came of reading one source: with problems, the layer is empty. */
export interface Reading {
  readonly layer: Layer;
  readonly problems: readonly Problem[];
}

/** What may stand in a source: settings by their names, and groups of them. */
type Group = Map<string, SettingPlace | Group>;

/** Checks everything that stands in a source. `databases` are those of this process. */
export function readSource(source: Source, databases: readonly string[]): Reading {
  const mentioned = mentionedIn(source.tree);
  // What is wrong with a name is said with its nearest neighbour, and nothing of what stands below it.
  const named = mentioned.filter((name) => DATABASE_KEY.test(name));
  const names = [...new Set([...databases, ...named])];
  const budgets = new Map(names.map((name) => [name, budgetsIn(source, name)]));
  const places = settingPlaces(source.layout, names, (name) => budgets.get(name)?.filter(isDatabaseName) ?? []);
  const values = new Map<SettingPlace, SettingValue>();
  const problems = [
    ...mentioned.flatMap((name) => nameProblem(source, name, databases) ?? []),
    ...[...budgets].flatMap(([name, all]) => all.flatMap((budget) => budgetProblem(source, name, budget))),
    ...groupProblems(source, places, groupOf(places, source.layout, names), [], values),
  ];
  if (problems.length > 0) return { layer: new Map(), problems };
  const layer = new Map<string, Given>();
  for (const [{ path, key }, value] of values) layer.set(key, { value, origin: source.originOf(path) });
  for (const [name, all] of budgets)
    for (const budget of all)
      layer.set(budgetKey(name, budget), {
        value: true,
        origin: source.originOf([...budgetsPath(source.layout, name), budget]),
      });
  return { layer, problems: [] };
}

function budgetsIn({ tree, layout }: Source, database: string): readonly string[] {
  return Object.keys(asGroup(at(tree, budgetsPath(layout, database))));
}

/** The databases that a source speaks of. */
export function mentionedIn(tree: unknown): readonly string[] {
  return Object.keys(asGroup(asGroup(tree)['databases']));
}

function groupOf(places: readonly SettingPlace[], layout: Layout, databases: readonly string[]): Group {
  const root: Group = new Map([['databases', new Map()]]);
  const below = (path: readonly string[]): Group => {
    let group = root;
    for (const name of path) {
      const next = group.get(name) ?? new Map<string, SettingPlace | Group>();
      group.set(name, next);
      if (!(next instanceof Map)) throw new Error(`BUG: ${path.join('.')} stands below a setting`);
      group = next;
    }
    return group;
  };
  for (const place of places) below(place.path.slice(0, -1)).set(place.path.at(-1) ?? '', place);
  for (const name of databases) below(budgetsPath(layout, name));
  return root;
}

/** What is wrong in one group and below it. What is right is put into `values`. */
function groupProblems(
  source: Source,
  places: readonly SettingPlace[],
  group: Group,
  path: readonly string[],
  values: Map<SettingPlace, SettingValue>,
): readonly Problem[] {
  const node = at(source.tree, path);
  // A group inside another may be empty, which YAML calls null: that is what is left when all its lines are commented out.
  if (path.length > 0 && (node === undefined || node === null)) return [];
  if (!isGroup(node)) return [wrongValue(source, path, 'a group of settings')];
  const known = [...group].flatMap(([name, member]) => {
    if (member instanceof Map) return groupProblems(source, places, member, [...path, name], values);
    const given = node[name];
    if (given === undefined) return [];
    const { read, expected } = source.layout === 'file' ? member.setting.kind.written : member.setting.kind.exact;
    const value = read(given);
    if (value === undefined) return [wrongValue(source, member.path, expected)];
    values.set(member, value);
    return [];
  });
  const unknown = isOfNames(path, source.layout) ? [] : Object.keys(node).filter((name) => !group.has(name));
  return [...known, ...unknown.map((name) => unknownKey(source, places, [...path, name]))];
}

/** Whether what stands there is called as somebody likes: what is wrong with that is said by itself. */
function isOfNames(path: readonly string[], layout: Layout): boolean {
  if (path[0] !== 'databases') return false;
  return path.length === 1 || path.join('.') === budgetsPath(layout, path[1] ?? '').join('.');
}

/** What stands at a path of a tree, undefined where it leads nowhere. */
function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, name) => asGroup(node)[name], tree);
}

// Where other processes read the source too, a name may be one of theirs: there only a slip for one of ours is refused.
function nameProblem(source: Source, name: string, databases: readonly string[]): Problem | undefined {
  const valid = DATABASE_KEY.test(name);
  const nearest = nearestKey(name, databases);
  const isOwn = databases.includes(name) || patternAmong(databases)(name) !== undefined;
  // Nobody writes a `*` by a slip.
  const isSlip = nearest !== undefined && isSlipOf(name, nearest) && (nearest.includes('*') || !name.includes('*'));
  if (valid && (isOwn || (source.shared && !isSlip))) return undefined;
  const path = ['databases', name];
  const what = valid ? 'is not a database of this process' : `is not a valid name, expected ${DATABASE_NAME_IN_WORDS}`;
  const advice =
    nearest === undefined ? undefined : `the nearest valid key is ${source.nameAt(['databases', nearest])}`;
  return { where: source.whereIs(path), what: `${source.nameAt(path)} ${what}`, advice };
}

function budgetProblem(source: Source, database: string, budget: string): readonly Problem[] {
  if (isDatabaseName(budget)) return [];
  const path = [...budgetsPath(source.layout, database), budget];
  const what = `${source.nameAt(path)} is not a valid name, expected ${DATABASE_NAME_IN_WORDS}`;
  return [{ where: source.whereIs(path), what }];
}

function unknownKey(source: Source, places: readonly SettingPlace[], path: readonly string[]): Problem {
  const own = path[0] === 'databases' ? places.filter(({ database }) => database === path[1]) : places;
  const keys = new Set(own.flatMap((place) => place.path.map((_, depth) => place.path.slice(0, depth + 1).join('.'))));
  const spell = (key: string): string => source.nameAt(key.split('.'));
  const former = source.layout === 'file' ? formerKeyAdvice(path, spell) : undefined;
  const nearest = nearestKey(path.join('.'), [...keys, 'databases', ...(source.siblings ?? [])]);
  const advice = former ?? `the nearest valid key is ${spell(nearest ?? 'databases')}`;
  return { where: source.whereIs(path), what: `${source.nameAt(path)} is not a setting`, advice };
}

function wrongValue(source: Source, path: readonly string[], expected: string): Problem {
  const value = isSecret(path.at(-1) ?? '') ? 'what it is' : source.show(path, at(source.tree, path));
  return { where: source.whereIs(path), what: `${source.nameAt(path)} must be ${expected}, not ${value}` };
}

/** A group as it is; anything else as an empty one. */
export function asGroup(node: unknown): Readonly<Record<string, unknown>> {
  return isGroup(node) ? node : {};
}

/** Whether it is a group of names. */
export function isGroup(node: unknown): node is Readonly<Record<string, unknown>> {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}
