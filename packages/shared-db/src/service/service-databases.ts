import type { LeaseInfo, Resize } from '@hive/pool';
import { NamePattern } from '../config/name-pattern.ts';
import { nearestKey } from '../config/nearest-key.ts';
import { pathOriginOf } from '../config/path-origin.ts';
import { shown } from '../config/problem.ts';
import type { ResolvedSettings } from '../config/resolved-settings.ts';
import type { Database, DatabaseContext, DatabaseDefinition, ManagedDatabase } from '../database.ts';
import { DatabaseError } from '../errors.ts';
import { OpenDatabases } from '../on-demand/open-databases.ts';
import { sameFile } from '../same-file.ts';
import type { Definitions } from './service-config.ts';
import type { OnDemandSnapshot } from '../snapshot.ts';

/** What all databases of a service share. */
export type SharedContext = Omit<
  DatabaseContext,
  'name' | 'part' | 'resized' | 'settings' | 'thresholds' | 'trend' | 'dataDirectory' | 'pathOrigin'
>;

/** Who hears of what becomes of them. */
export interface DatabasesHost {
  /** Somebody has changed how many connections of one read; undefined is what he has not spoken of. */
  readonly resized: (name: string, limits: Resize) => void;
  /** One by pattern has been closed. */
  readonly closed: (name: string) => void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A database, the key of the configuration that it belongs to, and what it goes by for as long as nothing else is read. */
interface Entry {
  readonly key: string;
  readonly context: Mutable<DatabaseContext>;
  readonly database: Database & ManagedDatabase;
}

/** The databases of one pattern. */
interface Family {
  readonly pattern: NamePattern;
  readonly open: OpenDatabases<Database>;
  /** Makes what callers are given: it is there before the database is open, and after it was closed. */
  readonly handle: (name: string) => Database;
}

/** The databases of one service: those with a name of their own, and those by pattern that are open. No two have one file. */
export class ServiceDatabases {
  readonly #shared: SharedContext;
  readonly #host: DatabasesHost;
  #settings: ResolvedSettings;
  readonly #named = new Map<string, Database & ManagedDatabase>();
  readonly #families: Family[] = [];
  /** Of all that may be open, by name. */
  readonly #entries = new Map<string, Entry>();
  /** Which name has which file. */
  readonly #files = new Map<string, string>();

  /** Opens nothing. Throws `DUPLICATE_FILE` where two names are one file, and `CONFIG` for a pattern that would be one file for all. */
  constructor(definitions: Definitions, settings: ResolvedSettings, shared: SharedContext, host: DatabasesHost) {
    this.#shared = shared;
    this.#host = host;
    this.#settings = settings;
    for (const [key, definition] of Object.entries<DatabaseDefinition>(definitions)) {
      const pattern = NamePattern.of(key);
      if (pattern === undefined) this.#named.set(key, this.#make(key, definition));
      else this.#families.push(this.#family(pattern, definition));
    }
  }

  /** Those with a name of their own, open or not. */
  named(): readonly (Database & ManagedDatabase)[] {
    return [...this.#named.values()];
  }

  /** Those, and of each pattern what is open. */
  *[Symbol.iterator](): IterableIterator<Database & ManagedDatabase> {
    yield* this.#named.values();
    for (const { open } of this.#families) yield* open as Iterable<Database & ManagedDatabase>;
  }

  /** Those with a name of their own, and of each pattern what does not just come or go. */
  *settled(): IterableIterator<Database & ManagedDatabase> {
    yield* this.#named.values();
    for (const { open } of this.#families) yield* open.settled() as Iterable<Database & ManagedDatabase>;
  }

  /** What an operator may ask for by name: the same, as callers see it, but for what is just being closed for want of use. */
  byName(): ReadonlyMap<string, Database> {
    const handles = this.#families.flatMap(({ open, handle }) =>
      Array.from(open, ({ name }) => name).flatMap((name) => (open.find(name) === undefined ? [] : [handle(name)])),
    );
    return new Map<string, Database>([...this.#named, ...handles.map((one) => [one.name, one] as const)]);
  }

  /** Throws `NAME` for one that is not configured. */
  get(name: string): Database {
    return this.#named.get(name) ?? this.#familyOf(name).handle(name);
  }

  /** Throws `NAME` for what is neither a database nor a pattern that is configured. */
  assertConfigured(name: string): void {
    const isKey = this.#named.has(name) || this.#families.some(({ pattern }) => pattern.text === name);
    if (!isKey) this.#familyOf(name);
  }

  /** Of several patterns the longest says most. */
  #familyOf(name: string): Family {
    const [family] = this.#families
      .filter(({ pattern }) => pattern.partOf(name) !== undefined)
      .toSorted((a, b) => b.pattern.text.length - a.pattern.text.length);
    if (family !== undefined) return family;
    const keys = [...this.#named.keys(), ...this.#families.map(({ pattern }) => pattern.text)];
    const nearest = typeof name === 'string' ? nearestKey(name, keys) : undefined;
    throw new DatabaseError('NAME', `there is no database ${shown(name, 'object')}; there are ${keys.join(', ')}`, {
      advice: nearest === undefined ? undefined : `did you mean ${nearest}`,
    });
  }

  isRequired({ name }: ManagedDatabase): boolean {
    return this.#entries.get(name)?.context.settings.required === true;
  }

  /** Other settings are in force for all of them at once. Resolves when connections that are too many now have been closed. */
  async adopt(settings: ResolvedSettings): Promise<void> {
    const before = this.#settings;
    this.#settings = settings;
    const adopted = Array.from(this.#entries.values(), ({ key, context, database }) => {
      const own = settingsOf(database.name, key, settings);
      context.settings = own;
      context.thresholds = own.thresholds;
      return database.adopt(settingsOf(database.name, key, before));
    });
    await Promise.all(adopted);
  }

  /** What health remembers of one, if it is still open. */
  remember(name: string, trend: DatabaseContext['trend']): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) entry.context.trend = trend;
  }

  /** How the databases by pattern are doing. */
  onDemand(): readonly OnDemandSnapshot[] {
    return Object.freeze(
      this.#families.map(({ pattern, open }) => {
        const { poolSize: size, maxOverflow } = settingsOf(pattern.text, pattern.text, this.#settings);
        return Object.freeze({ ...open.snapshot(), size, maxOverflow });
      }),
    );
  }

  /** Lets work finish for `graceMs`, then ends it. Resolves with what had to be forced. */
  async close(graceMs: number): Promise<readonly (LeaseInfo & { readonly database: string })[]> {
    const named = Array.from(this.#named.values(), async (database) => {
      const forced = await database.close(graceMs);
      return forced.map((lease) => ({ ...lease, database: database.name }));
    });
    const byPattern = this.#families.map(({ open }) => open.close(graceMs));
    return (await Promise.all([...named, ...byPattern])).flat();
  }

  #family(pattern: NamePattern, definition: DatabaseDefinition): Family {
    const { onDemand } = definition;
    const key = pattern.text;
    if (onDemand === undefined)
      throw new DatabaseError('CONFIG', `code: databases of driver ${definition.driver} cannot have a pattern`, {
        database: key,
        advice: 'give each a name of its own',
      });
    this.#assertSeveral(key, definition);
    const open = new OpenDatabases<Database>({
      pattern: key,
      ...onDemand.terms,
      clock: this.#shared.clock,
      logger: this.#shared.logger,
      holdings: this.#shared.holdings,
      acquireTimeoutMs: (name) => settingsOf(name, key, this.#settings).acquireTimeoutMs,
      make: (name) => this.#make(key, definition, name, pattern.partOf(name)),
      closed: (name) => {
        this.#forget(name);
        this.#host.closed(name);
      },
    });
    return { pattern, open, handle: (name) => onDemand.handle(name, open) };
  }

  #assertSeveral(key: string, definition: DatabaseDefinition): void {
    const { path } = settingsOf(key, key, this.#settings);
    const [one, other] = ['a', 'b'].map((part) => definition.identity({ ...this.#place(key, key), part }, path));
    if (one !== other) return;
    throw new DatabaseError('CONFIG', `code: all databases of ${key} would be one file, ${one}`, {
      advice: 'write a * where the path is another one for each, such as tenants/*.db',
    });
  }

  #place(key: string, name: string): Pick<DatabaseContext, 'name' | 'dataDirectory' | 'pathOrigin'> {
    const { dataDirectory } = this.#settings;
    return { name, dataDirectory, pathOrigin: pathOriginOf(name, key, this.#settings) };
  }

  #make(key: string, definition: DatabaseDefinition, name = key, part?: string): Database & ManagedDatabase {
    const settings = settingsOf(name, key, this.#settings);
    const { thresholds } = settings;
    const context = {
      ...this.#shared,
      ...this.#place(key, name),
      part,
      settings,
      thresholds,
      trend: undefined,
      resized: (limits: Resize) => {
        this.#host.resized(name, limits);
      },
    };
    this.#claim(name, definition.identity(context, settings.path));
    const database = definition.create(context, settings.path);
    this.#entries.set(name, { key, context, database });
    return database;
  }

  #claim(name: string, file: string): void {
    const first = this.#files.get(file);
    if (first !== undefined) throw sameFile(first, name);
    this.#files.set(file, name);
  }

  #forget(name: string): void {
    this.#entries.delete(name);
    for (const [file, owner] of this.#files) if (owner === name) this.#files.delete(file);
  }
}

/** Those of its own, else those of the key that it belongs to. */
function settingsOf(name: string, key: string, { databases }: ResolvedSettings): ResolvedSettings['databases'][string] {
  const own = databases[name] ?? databases[key];
  if (own === undefined) throw new Error(`BUG: database ${key} has no settings`);
  return own;
}
