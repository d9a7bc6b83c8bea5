import { isDatabaseName } from './database-name.ts';
import { isSlipOf, nearestKey } from './nearest-key.ts';
import { shown, type Problem } from './problem.ts';
import { PROFILE_VARIABLE, type ChosenProfile } from './profile.ts';
import { DATABASE_SETTINGS } from './setting.ts';
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
const FAMILY = /^(?:DB_(?:POOL|MAX|ECHO)|HIVE_RUNTIME)_/;
const FILE_SUFFIX = '_FILE';
/** What follows the name of a database: `POOL_SIZE`. */
const ENDS = DATABASE_SETTINGS.flatMap(({ variable }) => variable?.replace(/^DB_/, '') ?? []);
/** Of these, what nobody else ends a name with: `DB_SQLITE_PATH` is another program's, `DB_ORDERS_POOL_SIZE` a slip. */
const OWN_ENDS = ENDS.filter((end) => FAMILY.test(`DB_${end}`));

/** What came of reading the environment. */
export interface EnvironmentReading extends Reading {
  /** Those that are settled: ours, and of others what was mentioned where that is asked for. */
  readonly databases: readonly string[];
  /** Undefined where no profile is chosen, or not rightly. */
  readonly profile: ChosenProfile | undefined;
}

/** Of which databases variables may speak. */
export interface EnvironmentDatabases {
  readonly own: readonly string[];
  /** Those of other processes, whose variables are none of our business; `any` where nobody knows which there are. */
  readonly others: readonly string[] | 'any';
  /** Whether any other that a variable names is read as one of ours, as for somebody who only looks. */
  readonly mentioned: boolean;
}

/**
 * Reads `DB_POOL_SIZE` and its family, the same for one database (`DB_ORDERS__POOL_SIZE`), `HIVE_RUNTIME_DIR` and `HIVE_PROFILE`, and of
 * each the `_FILE` variant, which names a file that holds the value. A name that is ours, or a slip for one of ours, must be right, and
 * so must the database of one that ends as ours do; others, such as `DB_HOST`, are somebody else's.
 */
export function readEnvironment(
  environment: Environment,
  given: EnvironmentDatabases,
  readText: (path: string) => TextFile,
): EnvironmentReading {
  const databases = given.mentioned ? { ...given, own: [...given.own, ...mentionedIn(environment, given)] } : given;
  const known = knownVariables(databases.own);
  const variables: Variable[] = [];
  const problems: Problem[] = [];
  let profile: ChosenProfile | undefined;
  for (const name of Object.keys(environment).toSorted()) {
    if (environment[name] === undefined) continue;
    const places = known.get(base(name));
    if (base(name) === PROFILE_VARIABLE) {
      const chosen = chosenProfile(name, environment, readText);
      if ('what' in chosen) problems.push(chosen);
      else profile = chosen;
    } else if (places === undefined) problems.push(...unknownVariable(name, known, databases));
    else {
      const variable = variableOf(name, places, environment, readText);
      if ('what' in variable) problems.push(variable);
      else variables.push(variable);
    }
  }
  const reading = readSource(sourceOf(variables), databases.own);
  return { layer: reading.layer, problems: [...problems, ...reading.problems], databases: databases.own, profile };
}

/** Databases that nobody knows but the variables that say something of them. A hyphen in a name is an underscore here. */
function mentionedIn(environment: Environment, databases: EnvironmentDatabases): readonly string[] {
  const names = Object.keys(environment).flatMap((name) => {
    const end = settingOf(name);
    if (end === undefined || FAMILY.test(name) || patternFor(name, databases) !== undefined) return [];
    if (databases.own.some((one) => name.startsWith(prefixOf(one)) || isSlipOf(databaseOf(name) ?? '', one))) return [];
    const database = base(name).slice('DB_'.length, -`__${end}`.length).toLowerCase();
    return name.startsWith('DB_') && isDatabaseName(database) ? database : [];
  });
  return [...new Set(names)].toSorted();
}

function knownVariables(databases: readonly string[]): Known {
  const named = settingPlaces('file', databases, () => []).flatMap((place) => {
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
  const given = textOf(name, environment, readText);
  return 'what' in given ? given : { name: base(name), place, ...given };
}

/** What a variable says by itself or through the file that it names, or what is wrong with that. */
function textOf(
  name: string,
  environment: Environment,
  readText: (path: string) => TextFile,
): Pick<Variable, 'text' | 'file'> | Problem {
  const where = 'environment';
  const text = environment[name] ?? '';
  if (base(name) === name) return { text, file: undefined };
  if (environment[base(name)] !== undefined)
    return { where, what: `${base(name)} and ${name} are both set, expected one of them` };
  const content = readText(text);
  if ('text' in content) return { text: content.text.trim(), file: text };
  const fault = 'fault' in content ? content.fault : 'does not exist';
  return { where, what: `${name} must name a readable text file, but ${shown(text)} ${fault}` };
}

function chosenProfile(
  name: string,
  environment: Environment,
  readText: (path: string) => TextFile,
): ChosenProfile | Problem {
  const given = textOf(name, environment, readText);
  if ('what' in given) return given;
  const { text, file } = given;
  const origin = file === undefined ? `environment ${PROFILE_VARIABLE}` : `file ${file} (${name})`;
  if (isDatabaseName(text)) return { name: text, origin };
  const value = file === undefined ? shown(text) : `what ${shown(file)} holds`;
  return { where: 'environment', what: `${name} must be the name of a profile, such as production, not ${value}` };
}

function unknownVariable(name: string, known: Known, databases: EnvironmentDatabases): readonly Problem[] {
  const where = 'environment';
  const keys = [...known.keys(), PROFILE_VARIABLE];
  const pattern = patternFor(name, databases);
  if (pattern !== undefined) {
    // Else it is of one that another process may have.
    if (!isUnnamed(name, databases)) return [];
    const what = `${name} is for a database of ${pattern}, and which one cannot be read from a variable`;
    return [{ where, what, advice: 'name it in the settings file first, below databases' }];
  }
  if (isStrange(name, databases)) {
    const what = `${name} is for a database that neither this process nor its settings file has`;
    const end = settingOf(name);
    const { own, others } = databases;
    const all = [...own, ...(others === 'any' ? [] : others)].map((one) => `${prefixOf(one)}${end}`);
    return [{ where, what, advice: adviceOf(nearestKey(base(name), all)) }];
  }
  const isSlip = isOurs(name, known, databases);
  const meant = isSlip ? nearestKey(base(name), keys) : databases.mentioned ? meantBy(name) : undefined;
  return isSlip || meant !== undefined ? [{ where, what: `${name} is not a setting`, advice: adviceOf(meant) }] : [];
}

/** What a name should be that has one underscore behind that of a database, or a slip behind both; undefined for what is not ours. */
function meantBy(name: string): string | undefined {
  if (FAMILY.test(name)) return undefined;
  const { database, setting = '' } = /^DB_(?<database>[A-Z]\w*?)__(?<setting>[A-Z_]+)$/.exec(base(name))?.groups ?? {};
  const slip = OWN_ENDS.find((one) => isSlipOf(setting, one));
  if (slip !== undefined) return `DB_${database}__${slip}`;
  const end = OWN_ENDS.find((one) => base(name).endsWith(`_${one}`));
  if (end === undefined) return undefined;
  const prefix = base(name).slice(0, -`_${end}`.length);
  return /^DB_[A-Z][A-Z0-9_]*[A-Z0-9]$/.test(prefix) ? `${prefix}__${end}` : undefined;
}

function adviceOf(nearest: string | undefined): string | undefined {
  return nearest === undefined ? undefined : `the nearest valid key is ${nearest}`;
}

/** The pattern of ours of whose databases it says something that we know; undefined where there is none. */
function patternFor(name: string, { own }: EnvironmentDatabases): string | undefined {
  const database = databaseOf(name);
  if (database === undefined || settingOf(name) === undefined) return undefined;
  return own.find((one) => {
    const [before = '', after] = inCapitals(one).split('*');
    if (after === undefined || database.length <= before.length + after.length) return false;
    return database.startsWith(before) && database.endsWith(after);
  });
}

/** Whether it says something that we know of a database that nobody knows. */
function isStrange(name: string, databases: EnvironmentDatabases): boolean {
  const database = databaseOf(name);
  if (database === undefined || settingOf(name) === undefined) return false;
  return !databases.own.some((one) => isSlipOf(database, one)) && isUnnamed(name, databases);
}

/** Whether it is of none of the databases that are known by their names. */
function isUnnamed(name: string, { own, others }: EnvironmentDatabases): boolean {
  return others !== 'any' && ![...own, ...others].some((one) => name.startsWith(prefixOf(one)));
}

function isOurs(name: string, known: Known, { own }: EnvironmentDatabases): boolean {
  if (own.some((database) => name.startsWith(prefixOf(database))) || FAMILY.test(name)) return true;
  const database = databaseOf(name);
  if (database !== undefined) return own.some((one) => isSlipOf(database, one));
  return /^(?:DB|HIVE)_/i.test(name) && [...known.keys(), PROFILE_VARIABLE].some((one) => isSlipOf(base(name), one));
}

/** What stands for a database in a name such as `DB_ORDERS__POOL_SIZE`. */
function databaseOf(name: string): string | undefined {
  return /^DB_(?<database>.+?)__/.exec(name)?.groups?.['database'];
}

/** The end of a name that says something of one database, undefined where we know no such end: `POOL_SIZE`. */
function settingOf(name: string): string | undefined {
  return ENDS.find((end) => base(name).endsWith(`__${end}`));
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
  return `DB_${inCapitals(database.replace(/[-_]?\*/, ''))}__`;
}

function inCapitals(database: string): string {
  return database.toUpperCase().replaceAll('-', '_');
}
