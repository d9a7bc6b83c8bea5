import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileFindings } from '../analysis/file-findings.ts';
import type { Finding } from '../analysis/finding.ts';
import { isDatabaseError } from '../database-error.ts';
import type { DatabaseFile } from '../file/file-report.ts';
import { inspectFile, isLogSound } from '../file/inspect.ts';
import { openersOf } from '../file/openers.ts';
import { statsOf } from '../file/stats.ts';
import type { Fix, Risk } from './fix.ts';

/** Where the file lies, and what opening it needs. */
export interface FileContext {
  readonly cwd: string;
  /** Where processes leave word of files that must not be written. */
  readonly runtimeDirectory: string | undefined;
}

interface Remedy {
  readonly word: string;
  readonly risk: Risk;
  readonly does: string;
}

/** How it is opened; nobody else sees it. */
const NAME = 'mended';
/** What SQLite opens beside a database. */
const SUFFIXES = ['-wal', '-shm', '-journal'];

const OPENS = 'opens the database, which no process has open,';

/** What opening a database mends, by the code of the finding. */
const REMEDIES: ReadonlyMap<string, Remedy> = new Map<string, Remedy>([
  ['unclosed', takingIn()],
  ['wal', takingIn()],
  [
    'hot-journal',
    {
      word: 'roll-back',
      // Where somebody has put another file under this name, the journal belongs to the old one and spoils the new one.
      risk: 'high',
      does: `${OPENS} as a service does: SQLite rolls back the transaction that was cut short, and the database changes to write-ahead logging; only if the file was not replaced since`,
    },
  ],
  [
    'outdated-writer',
    { word: 'check', risk: 'none', does: `${OPENS} and reads all of it to see whether that version has done damage` },
  ],
]);

function takingIn(): Remedy {
  return {
    word: 'take-in-log',
    risk: 'low',
    does: `${OPENS} has SQLite move what is in the log into the file, and closes it; the log that is then empty SQLite itself removes, as whenever the last one closes a database`,
  };
}

/** The fix of a finding about a file. Undefined where there is none; a reason where there would be, were it not for that. */
export function databaseFileFix(finding: Finding, file: DatabaseFile, context: FileContext): Fix | string | undefined {
  const remedy = REMEDIES.get(finding.code);
  if (remedy === undefined) return undefined;
  const path = realpathSync(file.path);
  const obstacle = obstacleTo(path, file);
  if (obstacle !== undefined) return obstacle;
  return {
    id: `${remedy.word}:${path}`,
    risk: remedy.risk,
    findings: [finding],
    path,
    does: remedy.does,
    verification:
      remedy.word === 'check'
        ? 'quick_check of SQLite finds nothing'
        : 'quick_check of SQLite finds nothing, and the finding has gone',
    run: () => mend(path, remedy, context),
  };
}

/** Does it, unless somebody has come between since it was planned. */
async function mend(path: string, remedy: Remedy, context: FileContext): Promise<string | undefined> {
  const now = inspectFile(path, context.cwd);
  if (now.state !== 'database') return `the file ${now.reason}`;
  const obstacle = obstacleTo(path, now);
  if (obstacle !== undefined) return `nothing was done: ${obstacle}`;
  const damage = await checked(path, context);
  if (damage !== undefined) return damage;
  // What was written by an old version stays so; there was only to be seen whether it has done damage.
  if (remedy.word === 'check') return undefined;
  const left = fileFindings(inspectFile(path, context.cwd));
  return left.find(({ code }) => REMEDIES.get(code)?.word === remedy.word)?.evidence;
}

/** Opens a database as a service does, reads all of it and closes it. Resolves with what is wrong. */
async function checked(path: string, { runtimeDirectory }: FileContext): Promise<string | undefined> {
  // The engine is loaded only here, by the verbs that say so.
  const { openDirect } = await import('@hive/shared-db/direct');
  try {
    const place = runtimeDirectory === undefined ? {} : { runtimeDirectory };
    await using database = await openDirect({ name: NAME, path, ...place });
    const [row] = await database.read('check the database', (c) => c.all('PRAGMA quick_check(1)'));
    const found = String(Object.values(row ?? {})[0]);
    return found === 'ok' ? undefined : `quick_check finds damage: ${found}; restore a backup`;
  } catch (error) {
    if (isDatabaseError(error)) return error.message.replace(`database ${NAME}: `, '');
    throw error;
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why this file is better left alone; undefined where nothing speaks against opening it. */
function obstacleTo(path: string, file: DatabaseFile): string | undefined {
  if (file.network_file_system !== null) return `it is on ${file.network_file_system}`;
  const found = new Set(fileFindings(file).map(({ code }) => code));
  if (found.has('truncated')) return 'pages of it are missing';
  if (found.has('damaged-wal')) return 'its -wal file is no log';
  // No service opens what has two names, or what it cannot write.
  const { nlink } = statSync(path);
  if (nlink > 1) return `it is one of ${nlink} names of a file (hard links)`;
  if (![path, dirname(path)].every((one) => isWritable(one))) return 'this user may not write it or its directory';
  const special = SUFFIXES.find((suffix) => statsOf(`${path}${suffix}`)?.isFile() === false);
  // SQLite would wait for somebody to write to a pipe.
  if (special !== undefined) return `its ${special} is not a regular file`;
  const openers = openersOf(path);
  if (file.lock_holders === null || openers === null) return 'who has it open is known on Linux only';
  const pids = [...new Set([...openers, ...file.lock_holders.map(({ pid }) => pid)])].toSorted((a, b) => a - b);
  if (pids.length > 0) return `it is open in process ${pids.join(', ')}`;
  // Opened, it would be cut off there without a word.
  return isLogSound(path) ? undefined : 'its log is damaged before its last commit: copy both files away first';
}
