import { likelyKey } from '@hive/shared-db/config';
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Located } from './inquiry.ts';

/** Who is to be told something, as a person wrote it. */
export interface Wanted {
  /** The name of a database or the path of its file; undefined is every database. */
  readonly database: string | undefined;
  /** Undefined is any. */
  readonly app: string | undefined;
  readonly pid: number | undefined;
  /** In every process, also where the name is that of several files. */
  readonly everywhere: boolean;
}

/** A process that is to be told something, and about which of its databases. */
export interface Target {
  readonly pid: number;
  readonly app: string;
  readonly socket: string;
  /** As the process calls them. Empty where no database is named and the process has only patterns, of which none is open. */
  readonly databases: readonly string[];
}

/** One of the databases of a process. */
interface Place {
  readonly process: Located;
  readonly name: string;
  readonly path: string | undefined;
}

/** Whom a person means, or why that cannot be said, as one sentence. Nobody is told anything then. */
export function targetsOf(
  wanted: Wanted,
  answered: readonly Located[],
  cwd: string,
): readonly Target[] | { readonly fault: string } {
  const { pid, app } = wanted;
  if (pid !== undefined && !answered.some((one) => one.pid === pid))
    return { fault: `no process ${pid} has a database service open` };
  const apps = new Set(answered.map(({ snapshot }) => snapshot.app));
  if (app !== undefined && !apps.has(app)) return { fault: `there is no app ${app}; ${hint(app, apps)}` };
  const meant = answered.filter(
    (one) => (pid === undefined || one.pid === pid) && (app === undefined || one.snapshot.app === app),
  );
  if (meant.length === 0) return { fault: `process ${pid} is not of the app ${app}` };
  const places = meant.flatMap(placesIn);
  const { database } = wanted;
  // Also one that has none open: its patterns have settings, and so has it.
  if (database === undefined) return meant.map((one) => targetOf(one, placesIn(one)));
  const found = placesOf(database, places, cwd);
  if (found.length === 0) return { fault: absent(database, places, answered, cwd) };
  const files = Map.groupBy(found, ({ path }) => (path === undefined ? '' : realPathOf(path)));
  if (files.size > 1 && !wanted.everywhere && pid === undefined) return { fault: ambiguous(database, files) };
  return grouped(found);
}

/** What a process has, as far as names go. */
export interface Named {
  readonly app: string;
  readonly databases: readonly { readonly name: string }[];
  /** Databases by pattern, which whatever is like one may be. */
  readonly patterns: readonly unknown[];
}

/**
 * Why nothing of what a filter names can be there, as one sentence; undefined where it may be: a pattern may have whatever is like it, and
 * where nobody is there is nobody to be told apart.
 */
export function strangerAmong(
  { app, database }: Pick<Wanted, 'app' | 'database'>,
  processes: readonly Named[],
): string | undefined {
  if (processes.length === 0) return undefined;
  const apps = new Set(processes.map((one) => one.app));
  if (app !== undefined && !apps.has(app)) return `there is no app ${app}; ${hint(app, apps)}`;
  const meant = processes.filter((one) => app === undefined || one.app === app);
  if (database === undefined || meant.some(({ patterns }) => patterns.length > 0)) return undefined;
  const names = new Set(meant.flatMap(({ databases }) => databases.map(({ name }) => name)));
  return names.has(database) ? undefined : `no database ${database || '""'} is open there; ${hint(database, names)}`;
}

function placesIn(process: Located): readonly Place[] {
  return process.snapshot.databases.map(({ name, path }) => ({ process, name, path }));
}

/** What a word means: a name, or else the path of a file. */
function placesOf(word: string, places: readonly Place[], cwd: string): readonly Place[] {
  const named = places.filter(({ name }) => name === word);
  if (named.length > 0 || word === '' || word.includes('\0')) return named;
  const file = realPathOf(resolve(cwd, word));
  return places.filter(({ path }) => path !== undefined && realPathOf(path) === file);
}

function grouped(places: readonly Place[]): readonly Target[] {
  return Array.from(
    Map.groupBy(places, ({ process }) => process),
    ([process, own]) => targetOf(process, own),
  );
}

function targetOf({ pid, snapshot, socket }: Located, own: readonly Place[]): Target {
  return { pid, app: snapshot.app, socket, databases: own.map(({ name }) => name) };
}

function absent(word: string, places: readonly Place[], answered: readonly Located[], cwd: string): string {
  const [elsewhere] = placesOf(word, answered.flatMap(placesIn), cwd);
  const what = `no database ${word === '' ? '""' : word} is open there`;
  if (elsewhere !== undefined) {
    const { pid, snapshot } = elsewhere.process;
    return `${what}; it is open in ${snapshot.app} (pid ${pid})`;
  }
  return `${what}; ${hint(word, new Set(places.map(({ name }) => name)))}`;
}

function hint(word: string, known: ReadonlySet<string>): string {
  const nearest = likelyKey(word, known);
  if (nearest !== undefined) return `did you mean ${nearest}`;
  return known.size === 0 ? 'there is none' : `there are ${[...known].toSorted().join(', ')}`;
}

function ambiguous(word: string, files: ReadonlyMap<string, readonly Place[]>): string {
  const each = Array.from(files, ([path, [place]]) => {
    const { process } = place ?? raise();
    return `${path || 'a server'} in ${process.snapshot.app} (pid ${process.pid})`;
  });
  return `${word} is the name of ${files.size} databases: ${each.join(', ')}; say which with --pid, or the path of its file`;
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function raise(): never {
  throw new Error('BUG: a group has no members');
}
