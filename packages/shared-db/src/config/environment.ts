import { isSlipOf, nearestKey } from './nearest-key.ts';
import { shown, type Problem } from './problem.ts';
import { settingPlaces, type SettingPlace } from './setting-place.ts';
import { readSource, type Reading, type Source } from './source.ts';
import type { TextFile } from './text-file.ts';
import { fromText } from './value-kind.ts';

/** Variables by name: `process.env`, or what a test makes up. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that gives a value. */
interface Variable {
  readonly name: string;
  readonly place: SettingPlace;
  readonly text: string;
  /** The file that the text is from, where the variable's `_FILE` variant is set. */
  readonly file: string | undefined;
}

/** What every variable that we know could give. Two databases may share a name here: `a-b` and `a_b` are both `A_B`. */
type Known = ReadonlyMap<string, readonly SettingPlace[]>;

/** A group of settings under construction. It has no prototype: a database may be named `constructor`. */
interface Tree {
  [name: string]: Tree | string | number | boolean;
}

/** Beginnings of names that are ours, whatever follows. */
const FAMILY = /^DB_(?:POOL|MAX|ECHO)_/;
const FILE_SUFFIX = '_FILE';

/**
 * Reads `DB_POOL_SIZE` and its family, the same for one database (`DB_ORDERS__POOL_SIZE`), `HIVE_RUNTIME_DIR`, and of each the
 * `_FILE` variant, which names a file that holds the value. A name that is ours, or a slip for one of ours, must be right; others,
 * such as `DB_HOST`, are somebody else's.
 */
export function readEnvironment(
  environment: Environment,
  databases: readonly string[],
  readText: (path: string) => TextFile,
): Reading {
  const known = knownVariables(databases);
  const variables: Variable[] = [];
  const problems: Problem[] = [];
  for (const name of Object.keys(environment).toSorted()) {
    if (environment[name] === undefined) continue;
    const places = known.get(base(name));
    if (places === undefined) problems.push(...unknownVariable(name, known, databases));
    else {
      const variable = variableOf(name, places, environment, readText);
      if ('what' in variable) problems.push(variable);
      else variables.push(variable);
    }
  }
  const reading = readSource(sourceOf(variables), databases);
  return { layer: reading.layer, problems: [...problems, ...reading.problems] };
}

function knownVariables(databases: readonly string[]): Known {
  const named = settingPlaces('file', databases).flatMap((place) => {
    const { variable } = place.setting;
    if (variable === undefined) return [];
    return {
      place,
      name: place.database === undefined ? variable : variable.replace(/^DB_/, prefixOf(place.database)),
    };
  });
  const groups = Map.groupBy(named, ({ name }) => name);
  return new Map([...groups].map(([name, members]) => [name, members.map(({ place }) => place)]));
}

function variableOf(
  name: string,
  [place, twin]: readonly SettingPlace[],
  environment: Environment,
  readText: (path: string) => TextFile,
): Variable | Problem {
  const where = 'environment';
  if (place === undefined) throw new Error(`BUG: ${name} is known and gives nothing`);
  if (twin !== undefined)
    return { where, what: `${name} could be for ${place.database} or ${twin.database}, expected names that differ` };
  const text = environment[name] ?? '';
  if (base(name) === name) return { name, place, text, file: undefined };
  if (environment[base(name)] !== undefined)
    return { where, what: `${base(name)} and ${name} are both set, expected one of them` };
  const content = readText(text);
  if ('text' in content) return { name: base(name), place, text: content.text.trim(), file: text };
  const fault = 'fault' in content ? content.fault : 'does not exist';
  return { where, what: `${name} must name a readable text file, but ${shown(text)} ${fault}` };
}

function unknownVariable(name: string, known: Known, databases: readonly string[]): readonly Problem[] {
  if (!isOurs(name, known, databases)) return [];
  const nearest = nearestKey(base(name), [...known.keys()]);
  return [{ where: 'environment', what: `${name} is not a setting`, advice: `the nearest valid key is ${nearest}` }];
}

function isOurs(name: string, known: Known, databases: readonly string[]): boolean {
  if (databases.some((database) => name.startsWith(prefixOf(database))) || FAMILY.test(name)) return true;
  const database = /^DB_(?<database>.+?)__/.exec(name)?.groups?.['database'];
  if (database !== undefined) return databases.some((one) => isSlipOf(database, one));
  return /^(?:DB|HIVE)_/i.test(name) && [...known.keys()].some((one) => isSlipOf(base(name), one));
}

function sourceOf(variables: readonly Variable[]): Source {
  const tree: Tree = bare();
  for (const { place, text } of variables) plant(tree, place.path, fromText(text, place.setting.kind));
  const byPath = new Map(variables.map((variable) => [variable.place.path.join('.'), variable]));
  const at = (path: readonly string[]): Variable | undefined => byPath.get(path.join('.'));
  const fileOf = (path: readonly string[]): string | undefined => {
    const { name, file } = at(path) ?? {};
    return file === undefined ? undefined : `file ${file} (${name}${FILE_SUFFIX})`;
  };
  return {
    layout: 'file',
    tree,
    shared: true,
    nameAt: (path) => at(path)?.name ?? path.join('.'),
    whereIs: (path) => fileOf(path) ?? 'environment',
    originOf: (path) => fileOf(path) ?? `environment ${at(path)?.name}`,
    // A variable that names the wrong file may name one with a secret in it.
    show: (path, value) => (fileOf(path) === undefined ? shown(value) : 'what it holds'),
  };
}

function plant(tree: Tree, [head = '', ...rest]: readonly string[], value: string | number | boolean): void {
  if (rest.length === 0) tree[head] = value;
  else plant((tree[head] ??= bare()) as Tree, rest, value);
}

function bare(): Tree {
  return Object.create(null) as Tree;
}

function base(name: string): string {
  return name.endsWith(FILE_SUFFIX) ? name.slice(0, -FILE_SUFFIX.length) : name;
}

/** A pattern has no `*` there, which no shell would take: `tenant-*` is `DB_TENANT__`. */
function prefixOf(database: string): string {
  const plain = database.replace(/[-_]?\*/, '');
  return `DB_${plain.toUpperCase().replaceAll('-', '_')}__`;
}
