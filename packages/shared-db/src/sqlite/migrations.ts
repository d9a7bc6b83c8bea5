import { createHash } from 'node:crypto';
import { shown } from '../config/problem.ts';
import { DatabaseError } from '../errors.ts';
import { synchronous, type SyncTransaction } from './sync-scope.ts';

/** One step of a schema. Steps are applied in order and never edited afterwards: a change is a new step. */
export interface Migration {
  /** Rising. */
  readonly id: number;
  /** What it is for, in a few words; part of what may not change. */
  readonly name: string;
  /** What it does: statements, or a function where statements are not enough. */
  readonly sql?: string;
  /** Synchronous. What it throws undoes every step of this start. Of it only the name is remembered in the file. */
  readonly up?: (tx: SyncTransaction) => void;
}

const KEYS: readonly (keyof Migration)[] = ['id', 'name', 'sql', 'up'];

const UNDONE = 'nothing of this start has been applied; correct the migration and start again';

/** A step that the file remembers. Its numbers may be bigints, where the database was asked for those. */
interface Applied {
  readonly id: number | bigint;
  readonly name: string;
  readonly checksum: string;
  readonly applied_at: number | bigint;
}

const APPLIED = 'SELECT id, name, checksum, applied_at FROM _hive_migrations ORDER BY id';

/** Refuses a list that could not be applied: `MIGRATION` naming the step. */
export function checkMigrations(database: string, migrations: readonly Migration[]): void {
  let last = 0;
  for (const [index, step] of migrations.entries()) {
    const fault = faultOf(step, index, last);
    if (fault !== undefined) throw new DatabaseError('MIGRATION', fault, { database });
    last = step.id;
  }
}

/** What is wrong with a step that comes after one with the id `last`, as a sentence. */
function faultOf(step: Migration, index: number, last: number): string | undefined {
  if (typeof step !== 'object' || step === null)
    return `step ${index + 1} of the list is ${shown(step)}; expected { id, name, sql | up }`;
  const { id, name, sql, up } = step;
  if (typeof name !== 'string' || name.trim() === '') return `migration ${shown(id, 'an object')} has no name`;
  const wrong = (what: string): string => `migration "${name}" ${what}`;
  const unknown = Object.keys(step).find((key) => !(KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) return wrong(`has a key ${shown(unknown)}; expected ${KEYS.join(', ')}`);
  if (!Number.isSafeInteger(id)) return wrong(`has the id ${shown(id, 'an object')}; expected a whole number`);
  if (id <= last) return wrong(`has the id ${id} after ${last}; expected a larger one`);
  if ((sql === undefined) === (up === undefined)) return wrong('has both sql and up, or neither; expected one of them');
  if (sql !== undefined && typeof sql !== 'string')
    return wrong(`has as sql ${shown(sql, 'an object')}; expected a text`);
  if (up !== undefined && typeof up !== 'function')
    return wrong(`has as up ${shown(up, 'an object')}; expected a function`);
  return undefined;
}

/**
 * Brings the schema to where the code expects it. Runs inside the transaction that holds the write lock, so two processes that
 * start together do not both do it: the second finds it done. All steps are applied or none.
 */
export function migrate(
  database: string,
  tx: SyncTransaction,
  migrations: readonly Migration[],
  appliedAt: number,
): readonly Migration[] {
  tx.exec(
    `CREATE TABLE IF NOT EXISTS _hive_migrations (
       id INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
     ) STRICT`,
  );
  const pending = missing(database, tx.all<Applied>(APPLIED), migrations);
  for (const step of pending) apply(database, tx, step, appliedAt);
  return pending;
}

/**
 * How a file is found that has every step: whether one was applied since a moment, by us or by another process; undefined for a file that
 * lacks one. `all` reads in one snapshot. Throws where they disagree.
 */
export function migratedSince(
  database: string,
  all: (sql: string) => readonly object[],
  migrations: readonly Migration[],
  moment: number,
): { readonly isRecent: boolean } | undefined {
  if (all("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_hive_migrations'").length === 0)
    return undefined;
  const applied = all(APPLIED) as readonly Applied[];
  if (missing(database, applied, migrations).length > 0) return undefined;
  return { isRecent: applied.some(({ applied_at: at }) => at >= moment) };
}

/** The steps that have not been applied yet. Throws where the file has others, or has them in another order. */
function missing(
  database: string,
  applied: readonly Applied[],
  migrations: readonly Migration[],
): readonly Migration[] {
  const known = new Map(migrations.map((step) => [step.id, step]));
  for (const step of applied) assertSame(database, step, known.get(Number(step.id)));
  const done = new Set(applied.map(({ id }) => Number(id)));
  const pending = migrations.filter(({ id }) => !done.has(id));
  assertLater(database, pending[0], applied.at(-1));
  return pending;
}

function assertSame(database: string, applied: Applied, step: Migration | undefined): void {
  if (step === undefined)
    throw new DatabaseError(
      'SCHEMA_NEWER',
      `the file has migration ${applied.id} "${applied.name}", which this code does not know`,
      {
        database,
        advice: 'run the version of the application that wrote it, or a newer one',
      },
    );
  if (applied.checksum !== checksumOf(step))
    throw new DatabaseError('MIGRATION', `migration ${step.id} "${step.name}" is not what was applied to the file`, {
      database,
      advice: 'never edit a migration that has been applied: restore it and add a new one',
    });
}

/** Files that were migrated at other times would otherwise have gone through the same steps in another order. */
function assertLater(database: string, first: Migration | undefined, last: Applied | undefined): void {
  if (first === undefined || last === undefined || first.id > last.id) return;
  throw new DatabaseError(
    'MIGRATION',
    `migration ${first.id} "${first.name}" comes before ${last.id}, which has been applied`,
    { database, advice: `give it an id above ${last.id}` },
  );
}

function apply(database: string, tx: SyncTransaction, step: Migration, appliedAt: number): void {
  const { id, name, sql, up } = step;
  try {
    if (sql !== undefined) tx.exec(sql);
    if (up !== undefined) tx.transaction((part) => synchronous(up(part), 'up', (error) => error));
    tx.run('INSERT INTO _hive_migrations VALUES (?, ?, ?, ?)', id, name, checksumOf(step), appliedAt);
  } catch (error) {
    throw new DatabaseError(
      'MIGRATION',
      `migration ${id} "${name}" failed: ${error instanceof Error ? error.message : String(error)}`,
      {
        database,
        cause: error,
        advice: UNDONE,
      },
    );
  }
}

/** What is only looked at when all is done, such as a deferred foreign key, says nothing of the step that it is about. */
export function refusedAtCommit(database: string, applied: readonly Migration[], error: DatabaseError): DatabaseError {
  const names = applied.map(({ id, name }) => `${id} "${name}"`).join(', ');
  return new DatabaseError('MIGRATION', `migrations ${names} were refused at COMMIT: ${error.message}`, {
    database,
    cause: error,
    advice: UNDONE,
  });
}

/** A function has no text that stays the same from build to build: of it only the name counts. */
function checksumOf({ id, name, sql }: Migration): string {
  return createHash('sha256')
    .update(JSON.stringify([id, name, sql ?? 'function']))
    .digest('hex');
}
