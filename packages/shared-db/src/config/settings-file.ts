import { createRequire } from 'node:module';
import { DATABASE_NAME_IN_WORDS, isDatabaseName } from './database-name.ts';
import { shown, type Problem } from './problem.ts';
import { asGroup, isGroup, mentionedIn, readSource, type Layer, type Reading, type Source } from './source.ts';
import { spelled } from './spelled-path.ts';
import type * as YamlTree from './yaml-tree.ts';

// The parser takes longer to load than all the rest of this package, and most processes have no settings file.
const require = createRequire(import.meta.url);

/** A settings file that has been read: YAML 1.2. */
export interface SettingsFile {
  /** As messages show it. */
  readonly path: string;
  readonly text: string;
  /** Whether there is no such file. Default false. */
  readonly absent?: boolean;
}

/** What came of reading a settings file: with problems, there are no layers. */
export interface FileReading {
  /** What holds for every profile. */
  readonly base: Layer;
  /** What each profile says besides, by its name. */
  readonly profiles: ReadonlyMap<string, Layer>;
  /** The databases that it speaks of, in any profile. */
  readonly databases: readonly string[];
  readonly problems: readonly Problem[];
}

/** What a file says of itself: where something stands in it. */
type Place = Pick<Source, 'whereIs'>;

const PROFILES = 'profiles';

/** What came of reading none. */
export const NO_FILE: FileReading = Object.freeze(refused([]));

/** Reads the text of a settings file, all profiles of it. An empty one gives nothing. */
export function readSettingsFile(file: SettingsFile, databases: readonly string[]): FileReading {
  if (file.absent === true) return NO_FILE;
  const { parseYaml } = require('./yaml-tree.js') as typeof YamlTree;
  const parsed = parseYaml(file.text);
  if ('what' in parsed) return refused([{ where: `${file.path}:${parsed.line}`, what: parsed.what }]);
  const { content = {}, lineOf } = parsed;
  const whereIs = (path: readonly string[]): string => {
    const line = lineOf(path);
    return line === undefined ? file.path : `${file.path}:${line}`;
  };
  const { base, profiles } = parted(content);
  const trees = profilesIn(profiles, whereIs);
  const reading = readPart([], base, { whereIs }, databases);
  const readings = new Map(
    [...trees.named].map(([name, tree]) => [name, readPart([PROFILES, name], tree, { whereIs }, databases)]),
  );
  const problems = [...trees.problems, ...[reading, ...readings.values()].flatMap((one) => one.problems)];
  if (problems.length > 0) return refused(problems.toSorted((one, other) => lineIn(one) - lineIn(other)));
  return {
    base: reading.layer,
    profiles: new Map([...readings].map(([name, { layer }]) => [name, layer])),
    databases: [...new Set([base, ...trees.named.values()].flatMap(mentionedIn))],
    problems: [],
  };
}

/** What holds always, and the rest. */
function parted(content: unknown): { readonly base: unknown; readonly profiles: unknown } {
  if (!isGroup(content)) return { base: content, profiles: undefined };
  const { [PROFILES]: profiles, ...base } = content;
  return { base, profiles };
}

/** The profiles by their names, and what is wrong with these. A profile may be empty, as every group. */
function profilesIn(
  profiles: unknown,
  whereIs: Source['whereIs'],
): { readonly named: ReadonlyMap<string, unknown>; readonly problems: readonly Problem[] } {
  if (profiles === undefined || profiles === null) return { named: new Map(), problems: [] };
  if (!isGroup(profiles)) {
    const what = `${PROFILES} must be a group of profiles by name, not ${shown(profiles)}`;
    return { named: new Map(), problems: [{ where: whereIs([PROFILES]), what }] };
  }
  const names = Object.keys(asGroup(profiles));
  const problems = names
    .filter((name) => !isDatabaseName(name))
    .map((name) => ({
      where: whereIs([PROFILES, name]),
      what: `${spelled([PROFILES, name])} is not a valid name, expected ${DATABASE_NAME_IN_WORDS}`,
    }));
  const named = names.filter((name) => isDatabaseName(name)).map((name) => [name, profiles[name] ?? {}] as const);
  return { named: new Map(named), problems };
}

/** Reads what stands below a path: the whole file, or one profile. */
function readPart(below: readonly string[], tree: unknown, { whereIs }: Place, databases: readonly string[]): Reading {
  const [, profile] = below;
  const placeOf = (path: readonly string[]): string => whereIs([...below, ...path]);
  return readSource(
    {
      layout: 'file',
      tree,
      shared: true,
      siblings: profile === undefined ? [PROFILES] : [],
      nameAt: (path) => (below.length + path.length === 0 ? 'the file' : spelled([...below, ...path])),
      whereIs: placeOf,
      originOf: (path) => (profile === undefined ? placeOf(path) : `${placeOf(path)} (profile ${profile})`),
      show: (_, value) => shown(value),
    },
    databases,
  );
}

function refused(problems: readonly Problem[]): FileReading {
  return { base: new Map(), profiles: new Map(), databases: [], problems };
}

function lineIn({ where }: Problem): number {
  return Number(where.slice(where.lastIndexOf(':') + 1)) || 0;
}
