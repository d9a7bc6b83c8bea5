import type { z } from 'zod';
import { DATABASE_NAME, DATABASE_NAME_IN_WORDS } from './database-name.ts';
import { formerKeyAdvice } from './former-keys.ts';
import { isSlipOf, nearestKey } from './nearest-key.ts';
import type { Problem } from './problem.ts';
import { settingPlaces, type Layout, type SettingPlace } from './setting-place.ts';
import { CODE_SCHEMA, FILE_SCHEMA } from './settings-schema.ts';
import type { SettingValue } from './value-kind.ts';

/** Somewhere settings come from, read into one tree but not checked. */
export interface Source {
  readonly layout: Layout;
  readonly tree: unknown;
  /** Whether other processes with other databases read it too. */
  readonly shared: boolean;
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

/** Checks a source against the one schema of its layout. `databases` are those of this process. */
export function readSource(source: Source, databases: readonly string[]): Reading {
  const mentioned = Object.keys(asGroup(asGroup(source.tree)['databases']));
  const places = settingPlaces(source.layout, [...new Set([...databases, ...mentioned])]);
  const { data, error } = (source.layout === 'file' ? FILE_SCHEMA : CODE_SCHEMA).safeParse(source.tree);
  const problems = new Map<string, Problem>();
  for (const name of mentioned) {
    const problem = nameProblem(source, name, databases);
    if (problem !== undefined) problems.set(name, problem);
  }
  // One value can break two rules of its schema: one sentence says what was expected.
  for (const issue of error?.issues ?? [])
    for (const problem of problemsOf(source, places, issue)) problems.set(`${problem.where}: ${problem.what}`, problem);
  if (problems.size > 0) return { layer: new Map(), problems: [...problems.values()] };
  return { layer: layerOf(source, places, data), problems: [] };
}

/** What stands at a path of a tree, undefined where it leads nowhere. */
function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, name) => asGroup(node)[name], tree);
}

function layerOf(source: Source, places: readonly SettingPlace[], tree: unknown): Layer {
  const layer = new Map<string, Given>();
  for (const { path, key } of places) {
    const value = at(tree, path) as SettingValue | undefined;
    if (value !== undefined) layer.set(key, { value, origin: source.originOf(path) });
  }
  return layer;
}

// Where other processes read the source too, a name may be one of theirs: there only a slip for one of ours is refused.
function nameProblem(source: Source, name: string, databases: readonly string[]): Problem | undefined {
  const valid = DATABASE_NAME.test(name);
  const nearest = nearestKey(name, databases);
  if (valid && (databases.includes(name) || (source.shared && (nearest === undefined || !isSlipOf(name, nearest)))))
    return undefined;
  const path = ['databases', name];
  const what = valid ? 'is not a database of this process' : `is not a valid name, expected ${DATABASE_NAME_IN_WORDS}`;
  const advice = nearest === undefined ? undefined : `the nearest valid key is databases.${nearest}`;
  return { where: source.whereIs(path), what: `${source.nameAt(path)} ${what}`, advice };
}

function problemsOf(source: Source, places: readonly SettingPlace[], issue: z.core.$ZodIssue): readonly Problem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(source, places, [...path, key]));
  // What is wrong with a name has been said with its nearest neighbour.
  return issue.code === 'invalid_key' ? [] : [wrongValue(source, places, path)];
}

function unknownKey(source: Source, places: readonly SettingPlace[], path: readonly string[]): Problem {
  const own = path[0] === 'databases' ? places.filter(({ database }) => database === path[1]) : places;
  const keys = new Set(own.flatMap((place) => place.path.map((_, depth) => place.path.slice(0, depth + 1).join('.'))));
  const former = source.layout === 'file' ? formerKeyAdvice(path) : undefined;
  const advice = former ?? `the nearest valid key is ${nearestKey(path.join('.'), [...keys, 'databases'])}`;
  return { where: source.whereIs(path), what: `${source.nameAt(path)} is not a setting`, advice };
}

function wrongValue(source: Source, places: readonly SettingPlace[], path: readonly string[]): Problem {
  const setting = places.find((place) => place.path.join('.') === path.join('.'))?.setting;
  const form = source.layout === 'file' ? setting?.kind.written : setting?.kind.exact;
  const expected = form?.expected ?? 'a group of settings';
  const value = source.show(path, at(source.tree, path));
  return { where: source.whereIs(path), what: `${source.nameAt(path)} must be ${expected}, not ${value}` };
}

function asGroup(node: unknown): Readonly<Record<string, unknown>> {
  const isGroup = typeof node === 'object' && node !== null && !Array.isArray(node);
  return isGroup ? (node as Readonly<Record<string, unknown>>) : {};
}
