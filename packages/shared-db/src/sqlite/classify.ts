import type { Failure, Phase } from '../driver/driver.ts';
import type { ErrorKind } from '../errors.ts';
import { SqliteError } from './engine.ts';

/** What an extended result code means, by its longest matching beginning. */
const MEANINGS: readonly (readonly [prefix: string, kind: ErrorKind, message: string])[] = [
  ['SQLITE_BUSY', 'BUSY_TIMEOUT', 'somebody else holds a lock on the file'],
  // Somebody was always beginning or recovering the log, for the ten seconds that SQLite itself tries (sqlite.org/rescode.html#protocol).
  ['SQLITE_PROTOCOL', 'BUSY_TIMEOUT', 'others were always starting to use the log of the file'],
  ['SQLITE_LOCKED', 'SQL', 'a statement of the same connection is still running on what this one changes'],
  ['SQLITE_FULL', 'DISK_FULL', 'the disk or the database is full'],
  // Nothing but a file for locks that cannot grow.
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL', 'the disk is full'],
  ['SQLITE_IOERR_CORRUPTFS', 'CORRUPT', 'the file system says that the file is damaged'],
  ['SQLITE_IOERR', 'IO', 'reading or writing the file failed'],
  ['SQLITE_CORRUPT', 'CORRUPT', 'the file is damaged'],
  ['SQLITE_NOTADB', 'NOT_A_DATABASE', 'the file is not a SQLite database'],
  ['SQLITE_READONLY_DBMOVED', 'FILE_REPLACED', 'the file was moved or replaced while it was open'],
  ['SQLITE_READONLY', 'READ_ONLY', 'the connection or the file cannot be written'],
  ['SQLITE_CONSTRAINT', 'CONSTRAINT', 'a constraint of the schema was violated'],
  ['SQLITE_PERM', 'PERMISSION', 'the file may not be accessed'],
  ['SQLITE_AUTH', 'PERMISSION', 'the file may not be accessed'],
  ['SQLITE_CANTOPEN', 'IO', 'the file or one beside it cannot be opened'],
  ['SQLITE_NOMEM', 'SQL', 'SQLite is out of memory'],
  ['SQLITE_TOOBIG', 'SQL', 'a text or blob is larger than SQLite allows'],
  ['SQLITE_MISUSE', 'WRONG_USE', 'the connection is used in a way that SQLite does not allow'],
];

/** After these nothing more is written before the file has been closed, reopened and verified. */
const FENCING: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['IO', 'CORRUPT', 'NOT_A_DATABASE']);

/**
 * What leaves open at COMMIT what became of it, beside all that fences. The log is written first, and then the index of the log is made
 * longer, which needs room on the disk and memory: where that fails, SQLite forgets what it has written, but whoever recovers the log
 * after a crash finds a whole transaction in it.
 */
const AFTER_THE_LOG = ['SQLITE_IOERR_SHMSIZE', 'SQLITE_NOMEM'] as const;

/**
 * Says what an error of the engine means, and of which file where the path is given. Pure. Undefined for an error that is not the engine's.
 */
export function classifySqlite(error: unknown, during: Phase, path?: string): Failure | undefined {
  if (error instanceof SqliteError) return classifyCode(error.code, error.message, during, path);
  // better-sqlite3 reports wrong arguments as TypeError and RangeError; their texts carry no values.
  if (during === 'statement' && (error instanceof TypeError || error instanceof RangeError))
    return { kind: 'WRONG_USE', message: error.message, busy: false, fences: false, lost: false };
  return undefined;
}

/** The same for a code and a message alone. */
export function classifyCode(code: string, message: string, during: Phase, path?: string): Failure {
  const [, kind, words] = MEANINGS.find(([prefix]) => code.startsWith(prefix)) ?? ['', 'SQL' as const, ''];
  // What is no lock of somebody's is a matter of the file itself: whoever is to look at it needs to know where it is.
  const isNamed = path !== undefined && kind !== 'BUSY_TIMEOUT';
  const meaning = isNamed ? words.replace('the file', () => `the file ${path}`) : words;
  const fences = FENCING.has(kind) && !code.startsWith('SQLITE_CANTOPEN');
  const isLate = AFTER_THE_LOG.some((prefix) => code.startsWith(prefix));
  // An I/O error at COMMIT leaves open whether the log reached the disk. SQLite has rolled back in memory, a later recovery may not.
  if (during === 'commit' && ((kind === 'IO' && fences) || isLate))
    return { kind: 'OUTCOME_UNKNOWN', message: `COMMIT failed with ${code}`, busy: false, fences: true, lost: false };
  return {
    kind,
    message: `${kind === 'SQL' ? scrub(message) : kind === 'CONSTRAINT' ? message : meaning} (${code})`,
    busy: kind === 'BUSY_TIMEOUT',
    fences,
    lost: false,
  };
}

/** Whether it says that others have what was tried for, and may not have it the next time. Pure. */
export function saysBusy(error: unknown): boolean {
  return classifySqlite(error, 'begin')?.busy === true;
}

/** SQLite quotes what it stumbled over (`near "x"`, `unrecognized token: "'x"`): text of the statement, and a literal may be a value. */
function scrub(message: string): string {
  return message.replaceAll(/'(?:[^']|'')*(?:'|$)/g, "'…'").slice(0, 300);
}
