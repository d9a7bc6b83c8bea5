import { basename } from 'node:path';
import { databasesNamed, isUnheardOf, knownDatabases, type NamedDatabase } from './databases.ts';
import type { FileSighting, Sighting } from './documents/holder.ts';
import { EXIT, worstOf, type ExitCode } from './exit-code.ts';
import { fileOutcome } from './file-outcome.ts';
import type { DatabaseFile, FileReport } from './file/file-report.ts';
import { inspectFile } from './file/inspect.ts';
import { lockTable } from './file/lock-holders.ts';
import { reportLocks } from './file/lock-report.ts';
import { announce, inquire, outcomeOf, type Answered, type Inquiry } from './inquiry.ts';
import { say, type Invocation } from './invocation.ts';
import { safePath } from './render/safe-text.ts';
import { Watch } from './watch.ts';

/** What a database may be called: whoever writes such a word may mean a name rather than a file. */
const DATABASE_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** All locks of the host at one moment. */
type LockTable = ReturnType<typeof lockTable>;

/** What a look at one database gave: who has which lock, or why that could not be seen. The reason has been said. */
interface View {
  readonly code: ExitCode;
  readonly sighting?: FileSighting;
}

/** What a look at several gave, and what the processes said. */
export interface Panorama {
  readonly code: ExitCode;
  readonly inquiry: Inquiry;
  readonly sightings: readonly FileSighting[];
}

/**
 * How long after the first look a second one shows whether a stranger still has its lock, which it cannot be asked, and whether a
 * reader that keeps frames is more than passing by. Long beside a transaction of some milliseconds, short beside the start of the program.
 */
const SECOND_LOOK_MS = 50;

/** Looks at the databases that are named, or at all that processes have open, and says what stands in the way. */
export async function lookAround(invocation: Invocation, wanted: readonly string[]): Promise<Panorama> {
  const inquiry = await inquire(invocation);
  if (wanted.length === 0) announce(invocation, inquiry);
  const databases =
    wanted.length === 0
      ? knownDatabases(inquiry.answered)
      : databasesNamed(wanted, inquiry.answered, invocation.io.cwd);
  const views = await look(invocation, databases, inquiry);
  return {
    code: wanted.length === 0 ? codeOfKnown(views, inquiry) : worstOf(views.map(({ code }) => code)),
    inquiry,
    sightings: views.flatMap(({ sighting }) => sighting ?? []),
  };
}

/** Looks at the locks of databases, twice where that tells more, and says what stands in the way. */
export async function look(
  invocation: Pick<Invocation, 'io'>,
  databases: readonly NamedDatabase[],
  inquiry: Inquiry,
): Promise<readonly View[]> {
  const { clock } = invocation.io;
  const { answered } = inquiry;
  const isUnheard = (database: NamedDatabase): boolean => isUnheardOf(database, inquiry);
  if (databases.some(isUnheard)) announce(invocation, inquiry);
  const watch = new Watch(() => clock.now());
  const table = lockTable();
  const views: View[] = [];
  for (const database of databases)
    views.push(
      isUnheard(database) ? { code: EXIT.undetermined } : await lookAt(invocation, database, answered, watch, table),
    );
  if (!views.some(({ sighting }) => sighting !== undefined && (hasStranger(sighting, answered) || isPinned(sighting))))
    return views;
  await clock.wait(SECOND_LOOK_MS, new AbortController().signal);
  const later = lockTable();
  return views.map((view) =>
    view.sighting === undefined ? view : { ...view, sighting: again(view.sighting, watch, later) },
  );
}

/**
 * Looks once at every database that processes of ours have open, as often as anybody likes: a watch carries from look to look since
 * when each lock has been seen. Null where the system does not tell who has locks.
 */
export function watchKnown(answered: readonly Answered[], watch: Watch): readonly Sighting[] | null {
  const table = lockTable();
  if (table === null) return null;
  return knownDatabases(answered).flatMap(({ path, aliases }) => {
    // A database that a service has open is in WAL mode.
    const report = reportLocks(path, 'wal', table);
    return report === null ? [] : { path, aliases, report, observed: watch.note(path, report) };
  });
}

/** What a look at named files gave. */
export interface NamedView {
  readonly reports: readonly FileReport[];
  /** Of those that are databases; null where the system does not tell who has locks. */
  readonly sightings: readonly Sighting[] | null;
}

/** Looks once at files that are named, as often as anybody likes. No process is asked: what is known is what the system tells. */
export function watchNamed(paths: readonly string[], cwd: string, watch: Watch): NamedView {
  const table = lockTable();
  const reports = paths.map((path) => inspectFile(path, cwd, table));
  if (table === null) return { reports, sightings: null };
  const modes = new Map<string, DatabaseFile['journal_mode']>();
  for (const file of reports) {
    // Several names may lead to one file.
    const [database] = databasesNamed([file.path], [], cwd);
    if (database !== undefined && file.state === 'database') modes.set(database.path, file.journal_mode);
  }
  const sightings = [...modes].flatMap(([path, mode]) => {
    const report = reportLocks(path, mode, table);
    return report === null ? [] : { path, aliases: new Set<string>(), report, observed: watch.note(path, report) };
  });
  return { reports, sightings };
}

async function lookAt(
  invocation: Pick<Invocation, 'io'>,
  { path, aliases }: NamedDatabase,
  answered: readonly Answered[],
  watch: Watch,
  table: LockTable,
): Promise<View> {
  const file = inspectFile(path, invocation.io.cwd, table);
  const code =
    aliases.size === 0 ? fileOutcome(invocation, await orName(file, answered)) : outcomeOfKnown(invocation, file);
  if (file.state !== 'database') return { code };
  const report = reportLocks(path, file.journal_mode, table);
  if (report === null) {
    say(invocation, 'who has locks is known on Linux only; hive-db status shows what the processes say');
    return { code: EXIT.undetermined };
  }
  const sighting = { path, aliases, file, report, observed: watch.note(path, report) };
  if (file.network_file_system === null) return { code, sighting };
  // The system lists the locks of this host.
  say(invocation, `${safePath(path)} is on ${file.network_file_system}: who uses it on other hosts cannot be seen`);
  return { code: EXIT.undetermined, sighting };
}

/** The same of a file that is not there and whose name may be meant for that of a database, of which the nearest is named. */
export async function orName(file: FileReport, answered: readonly Answered[]): Promise<FileReport> {
  const word = basename(file.path);
  if (file.state !== 'missing' || !DATABASE_NAME.test(word)) return file;
  // Only now: it brings along what reads settings.
  const { likelyKey } = await import('@hive/shared-db/config');
  const names = answered.flatMap(({ snapshot }) => snapshot.databases.map(({ name }) => name));
  const nearest = likelyKey(word, names);
  const meant = nearest === undefined ? '' : `; did you mean ${nearest}`;
  return { ...file, reason: `${file.reason}, and no process has a database of that name open${meant}` };
}

/** What was seen stays as it was, because it belongs to what the processes said then; only how long it has been so is new. */
function again(sighting: FileSighting, watch: Watch, table: LockTable): FileSighting {
  const { path, file } = sighting;
  const report = reportLocks(path, file.journal_mode, table);
  return report === null ? sighting : { ...sighting, observed: watch.note(path, report) };
}

function hasStranger(
  { report: { writers, checkpointers, readers } }: Sighting,
  answered: readonly Answered[],
): boolean {
  const ours = new Set(answered.map(({ pid }) => pid));
  return [...writers, ...checkpointers, ...readers].some(({ pid }) => !ours.has(pid));
}

function isPinned({ report: { marks } }: Sighting): boolean {
  return marks.some(({ pinsFrames = 0 }) => pinsFrames > 0);
}

/** Whoever names a file that a process has open has named it rightly, whatever has become of it since. */
function outcomeOfKnown(invocation: Pick<Invocation, 'io'>, file: FileReport): ExitCode {
  const since = ', though a process has it open: it was deleted or moved since';
  const gone = file.state === 'missing' ? { ...file, reason: `${file.reason}${since}` } : file;
  return fileOutcome(invocation, gone) === EXIT.fine ? EXIT.fine : EXIT.undetermined;
}

// Nobody has named these files wrongly: a process has one open that is not what it was.
function codeOfKnown(views: readonly View[], inquiry: Inquiry): ExitCode {
  const isUndetermined = views.some(({ code }) => code !== EXIT.fine);
  return worstOf([outcomeOf(inquiry), isUndetermined ? EXIT.undetermined : EXIT.fine]);
}
