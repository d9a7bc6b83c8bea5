import { DEFAULT_THRESHOLDS, logLimitBytes } from '@hive/shared-db/health';
import type { DatabaseFile, FileReport } from '../file/file-report.ts';
import { count, percent, size } from '../render/figures.ts';
import type { Finding } from './finding.ts';
import { withRemedy } from './remedy.ts';

type Remark = Pick<Finding, 'severity' | 'code' | 'evidence' | 'advice'>;
type Rule = (file: DatabaseFile) => Remark | undefined;

/** Free pages that are worth an exclusive lock and a rewrite of the file. */
const WORTH_VACUUM = { share: 0.25, bytes: 16 * 1024 * 1024 };
/** Below this a transaction of some size may end in SQLITE_FULL. */
const LITTLE_SPACE = 64 * 1024 * 1024;

/** What is wrong with a file that was named, as its bytes tell. Pure. */
export function fileFindings(file: FileReport): readonly Finding[] {
  const remarks = file.state === 'database' ? remarksOn(file) : [otherwise(file.state, file.reason)].flat();
  return remarks.map((remark) => withRemedy({ process: null, database: null, file: file.path, ...remark }));
}

function remarksOn(file: DatabaseFile): readonly Remark[] {
  return [truncated, networked, outdated, unreadableLog, largeLog, leftLog, hotJournal, rollbackMode, freePages, space]
    .map((rule: Rule) => rule(file))
    .filter((remark) => remark !== undefined);
}

/** A file that cannot be looked at is no finding about a database: the verb says so and has its exit code for it. */
function otherwise(state: Exclude<FileReport['state'], 'database'>, reason: string): Remark | [] {
  if (state !== 'empty' && state !== 'damaged') return [];
  return {
    severity: 'error',
    code: state,
    evidence: `the file ${reason}`,
    advice: 'if there was data in it, restore a backup; leave the file and its -wal as they are until that has worked',
  };
}

function truncated(file: DatabaseFile): Remark | undefined {
  const { page_count: pages, page_size_bytes: pageSize, size_bytes: bytes, wal } = file;
  // Pages that are only in the log yet make the file shorter than the database; of a very long log it may not be known.
  const isInLog = wal !== null && wal.frames !== null && wal.committed_frames !== 0;
  if (pages === null || isInLog || bytes >= pages * pageSize) return undefined;
  return {
    severity: 'error',
    code: 'truncated',
    evidence: `the file has ${size(bytes)} and its header promises ${count(pages, 'page')}, ${size(pages * pageSize)}`,
    advice: 'pages are missing: stop the processes that use it and restore a backup',
  };
}

function networked({ network_file_system: name }: DatabaseFile): Remark | undefined {
  if (name === null) return undefined;
  return {
    severity: 'error',
    code: 'network-file-system',
    evidence: `it is on ${name}, where the locks of SQLite do not hold`,
    advice: 'move it to a local disk, or point the name at a database server',
  };
}

/** SQLite before 3.51.3, but for 3.50.7 and 3.44.6, can lose commits (sqlite.org/wal.html, "the WAL-reset bug"). */
function outdated({ sqlite_version: version, journal_mode: mode }: DatabaseFile): Remark | undefined {
  const [, minor = 0, patch = 0] = (version ?? '').split('.').map(Number);
  const repaired =
    minor > 51 || (minor === 51 && patch >= 3) || (minor === 50 && patch >= 7) || (minor === 44 && patch >= 6);
  if (version === null || mode !== 'wal' || repaired) return undefined;
  return {
    severity: 'warning',
    code: 'outdated-writer',
    evidence: `SQLite ${version} wrote it last, which can lose acknowledged commits when several processes write`,
    advice: 'find the program that brings this version and update it to SQLite 3.51.3 or newer',
  };
}

function unreadableLog({ wal }: DatabaseFile): Remark | undefined {
  if (wal === null || wal.size_bytes === 0 || wal.frames !== null) return undefined;
  return {
    severity: 'error',
    code: 'damaged-wal',
    evidence: `its -wal file of ${size(wal.size_bytes)} is no log that SQLite would read`,
    advice: 'SQLite will ignore what was committed to it: copy both files away before anything opens the database',
  };
}

function largeLog(file: DatabaseFile): Remark | undefined {
  const { wal } = file;
  const limit = logLimitBytes(file.size_bytes, DEFAULT_THRESHOLDS);
  if (wal === null || wal.size_bytes <= limit) return undefined;
  return {
    severity: 'warning',
    code: 'wal',
    evidence: `its -wal file has grown to ${size(wal.size_bytes)}, over ${size(limit)}`,
    advice:
      file.lock_holders?.length === 0
        ? 'nobody has it open: SQLite takes it in when somebody opens and closes the database'
        : 'a reader that stays keeps it from being emptied: end long reads and sessions in the processes that have it open',
  };
}

function leftLog({ wal, lock_holders: holders }: DatabaseFile): Remark | undefined {
  const frames = wal?.committed_frames ?? 0;
  if (frames === 0 || holders === null || holders.length > 0) return undefined;
  return {
    severity: 'info',
    code: 'unclosed',
    evidence: `${count(frames, 'frame')} in its -wal file wait to be moved, and nobody has it open: the last process did not close it`,
    advice: 'nothing is lost, the next opening takes them in; copy the -wal along when the file is copied',
  };
}

function hotJournal(file: DatabaseFile): Remark | undefined {
  const { rollback_journal_size_bytes: bytes, rollback_journal_hot: isHot, lock_holders: holders } = file;
  if (bytes === null || bytes === 0 || isHot === false || holders === null || holders.length > 0) return undefined;
  return {
    severity: 'warning',
    code: 'hot-journal',
    evidence: `a transaction was cut short: its -journal file of ${size(bytes)} is left, and nobody has the database open`,
    advice: 'the next opening rolls it back; never delete the journal, and copy it along when the file is copied',
  };
}

function rollbackMode({ journal_mode: mode }: DatabaseFile): Remark | undefined {
  if (mode === 'wal') return undefined;
  return {
    severity: 'info',
    code: 'rollback-journal',
    evidence: 'it is in rollback-journal mode, in which readers and writers shut each other out',
    advice: 'it changes to write-ahead logging the first time a database service opens it',
  };
}

function freePages({
  free_pages: free,
  page_count: pages,
  page_size_bytes: pageSize,
}: DatabaseFile): Remark | undefined {
  if (pages === null || free < pages * WORTH_VACUUM.share || free * pageSize < WORTH_VACUUM.bytes) return undefined;
  return {
    severity: 'info',
    code: 'free-pages',
    evidence: `${size(free * pageSize)} of it are free pages (${percent(free / pages)})`,
    advice: 'new rows fill them again; VACUUM gives them back to the disk and needs the database for itself',
  };
}

function space({ disk_free_bytes: free }: DatabaseFile): Remark | undefined {
  if (free === null || free >= LITTLE_SPACE) return undefined;
  return {
    severity: 'error',
    code: 'disk-space',
    evidence: `the disk has ${size(free)} left`,
    advice: 'make room: a full disk stops writes, and the -wal file cannot be moved into the database',
  };
}
