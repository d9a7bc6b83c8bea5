import type { DatabaseSnapshot, DatabaseStatus, LeaseSnapshot } from '../snapshot.ts';
import { count, duration, percent, size } from './figures.ts';
import type { Reason } from './reason.ts';
import { logLimitBytes } from './log-limit.ts';
import { pinnedInWords } from './pinned-log.ts';
import { repairAdvice, repairWords } from './repair-words.ts';
import { LEAKED_LATELY_MS, suspectedLeaks } from './suspected-leaks.ts';
import type { Thresholds } from './thresholds.ts';

/** What one rule finds in one database. */
type Finding = Omit<Reason, 'database'>;
type Rule = (database: DatabaseSnapshot, thresholds: Thresholds) => Finding | undefined;

/** For how long it is told that the lock was fought for without turns: about as long as somebody needs to look. */
const POLLED_LATELY_MS = 60_000;
/** How many holders a sentence names; the snapshot has them all. */
const NAMED_HOLDERS = 3;
/** One commit in a hundred may take as long: a disk that takes longer to sync is in everybody's way. */
const LATE_COMMIT_MS = 10;
/** A sync of a slow disk takes a second; ten are a disk that hangs. */
const SILENT_MS = 10_000;

/** Everything that is wrong with one database. */
export function databaseReasons(database: DatabaseSnapshot, thresholds: Thresholds): Reason[] {
  // A database that is not there has no pool worth judging: its figures would only repeat that it is not there.
  const serving = database.status === 'open' || database.status === 'fenced';
  return [availability, ...(serving ? servingRules : [])]
    .map((rule) => rule(database, thresholds))
    .filter((finding) => finding !== undefined)
    .map((finding) => ({ ...finding, database: database.name }));
}

const servingRules: readonly Rule[] = [
  diskFull,
  suspended,
  saturated,
  waitingForConnection,
  waitingToWrite,
  slowCommits,
  polling,
  timeouts,
  longLeases,
  leaked,
  abandoned,
  walTooLarge,
  pinned,
  notCheckpointed,
];

/** What is said where a database is not simply open; the cause, where it is known, follows the evidence. */
const unavailable = {
  opening: {
    evidence: 'it is still being opened',
    advice: 'wait; where it lasts, a migration is running or another process holds the file',
  },
  fenced: {
    evidence: 'writes are refused',
    advice: 'check the disk and the file, then restart the process; until then reads go on where they can',
  },
  failed: {
    evidence: 'it is out of order',
    advice: 'remove the cause and restart the process; the other databases go on without it',
  },
  closed: {
    evidence: 'it is closed',
    advice: 'restart the process; a closed database is not opened again',
  },
} as const satisfies Readonly<Record<Exclude<DatabaseStatus, 'open'>, { evidence: string; advice: string }>>;

function availability({ status, required, failure, repair }: DatabaseSnapshot): Finding | undefined {
  if (status === 'open') return undefined;
  const { evidence, advice } = unavailable[status];
  const cause = failure === undefined ? '' : `: ${failure.code}: ${failure.message}`;
  const finding: Finding = { status: required ? 'fail' : 'warn', code: status, evidence: evidence + cause, advice };
  if (repair === undefined) return finding;
  const since = `${evidence} for ${duration(repair.sinceMs)}${cause}; ${repairWords(repair)}`;
  return { ...finding, evidence: since, advice: repairAdvice(repair) };
}

function diskFull({ refused, required }: DatabaseSnapshot): Finding | undefined {
  if (refused === undefined) return undefined;
  return {
    status: required ? 'fail' : 'warn',
    code: 'disk-full',
    evidence: `${count(refused.count, 'write')} in a row refused, the first ${duration(refused.sinceMs)} ago: ${refused.code}`,
    advice: 'free space on the disk of the database; reads go on meanwhile, and the next write that succeeds ends this',
  };
}

function suspended({ name, pool }: DatabaseSnapshot): Finding | undefined {
  if (pool.status !== 'suspended') return undefined;
  return {
    status: 'warn',
    code: 'suspended',
    evidence: `its pool is suspended and ${count(pool.waiting, 'caller')} wait for it`,
    advice: `let it go on where it was suspended: service.database('${name}').resume()`,
  };
}

function saturated({ name, pool }: DatabaseSnapshot, thresholds: Thresholds): Finding | undefined {
  const limit = pool.size + pool.maxOverflow;
  const share = limit > 0 ? pool.leased / limit : 0;
  if (share < Math.min(thresholds.utilisationWarn, thresholds.utilisationCritical)) return undefined;
  const critical = share >= thresholds.utilisationCritical;
  return {
    status: critical && thresholds.failWhenSaturated ? 'fail' : 'warn',
    code: 'saturated',
    evidence: `${pool.leased} of ${count(limit, 'connection')} are in use (${percent(share)}), ${count(pool.waiting, 'caller')} waiting`,
    advice: `hive-db ps --database ${name} shows who holds them; where all are short and needed, raise size or maxOverflow`,
  };
}

function waitingForConnection({ name, pool }: DatabaseSnapshot, { oldestWaitMs }: Thresholds): Finding | undefined {
  if (pool.oldestWaitMs <= oldestWaitMs) return undefined;
  return {
    status: 'warn',
    code: 'waiting',
    evidence: `${count(pool.waiting, 'caller')} waiting for a connection, the oldest for ${duration(pool.oldestWaitMs)}`,
    advice: `hive-db ps --database ${name} shows who holds the connections; shorten that, or raise size or maxOverflow`,
  };
}

/** In the queue of this process, or at its head and for the lock of the database, which somebody else has. */
function waitingToWrite({ name, lane }: DatabaseSnapshot, { oldestWaitMs }: Thresholds): Finding | undefined {
  const { writer } = lane;
  const outside = writer !== undefined && writer.lockedMs === undefined ? writer : undefined;
  const oldest = Math.max(lane.oldestWaitMs, outside?.heldMs ?? 0);
  if (oldest <= oldestWaitMs) return undefined;
  const waiting = lane.waiting + (outside === undefined ? 0 : 1);
  const behind = writer === undefined ? '' : `, behind ${quoted(writer.label)} for ${duration(writer.heldMs)}`;
  const first = outside === undefined ? behind : `, first ${quoted(outside.label)} for the lock of the database`;
  return {
    status: 'warn',
    code: 'waiting-to-write',
    evidence: `${count(waiting, 'write')} waiting to be written, the oldest for ${duration(oldest)}${first}`,
    advice: `hive-db why ${name} says who holds the write lock; keep transactions short and slow work outside them`,
  };
}

function slowCommits({ lane, durability }: DatabaseSnapshot): Finding | undefined {
  const { lateCommitMs } = lane.work;
  if (lateCommitMs === undefined || lateCommitMs <= LATE_COMMIT_MS) return undefined;
  const why =
    durability === 'full' ? 'its disk is slow to sync, or busy with something else' : 'long functions share a group';
  return {
    status: 'warn',
    code: 'slow-commits',
    evidence: `of the groups of writes of the last minutes one in a hundred took ${duration(lateCommitMs)} or longer`,
    advice: `${why}: look at what else uses the disk, and at the longest statements of writes`,
  };
}

/** Only where others have been met: who is alone with its file needs no turns. */
function polling({ turns }: DatabaseSnapshot): Finding | undefined {
  if (turns?.mode !== 'polling' || (turns.polledAgoMs ?? Infinity) > POLLED_LATELY_MS) return undefined;
  return {
    status: 'warn',
    code: 'polling',
    evidence: `other processes write to the same file, and no turns can be had: ${turns.reason ?? 'for an unknown reason'}`,
    advice:
      'let all processes use one service each, with presence on and one runtime directory; until then some wait longer than others',
  };
}

function timeouts({ name, pool }: DatabaseSnapshot, { timeoutShare }: Thresholds): Finding | undefined {
  const { immediate, waited, timeouts: failed } = pool.counters;
  const share = failed === 0 ? 0 : failed / (immediate + waited + failed);
  if (failed === 0 || share < timeoutShare) return undefined;
  return {
    status: 'warn',
    code: 'timeouts',
    evidence: `${count(failed, 'acquisition')} timed out since the start, ${percent(share)} of all`,
    advice: `the errors of the callers name who held the connections then; hive-db ps --database ${name} shows who does now`,
  };
}

function longLeases({ name, leases }: DatabaseSnapshot): Finding | undefined {
  const suspects = suspectedLeaks(leases);
  if (suspects.length === 0) return undefined;
  const named = suspects.slice(0, NAMED_HOLDERS).map(suspectInWords);
  const rest = suspects.length > named.length ? `, and ${suspects.length - named.length} more` : '';
  return {
    status: 'warn',
    code: 'long-lease',
    evidence: `${count(suspects.length, 'lease')} held and not used for long: ${named.join(', ')}${rest}`,
    advice: `hive-db ps --leaked --database ${name} shows where they were acquired; a lease that is never given back is a leak: use \`await using\`, and keep slow outside work out of sessions`,
  };
}

function suspectInWords({ owner, ageMs, idleMs }: LeaseSnapshot): string {
  const idle = ageMs - idleMs < 1_000 ? '' : `, unused for ${duration(idleMs)}`;
  return `${quoted(owner)} for ${duration(ageMs)}${idle}`;
}

/** Each is a bug of the application, and its connection is closed by now. */
function leaked({ name, leaks }: DatabaseSnapshot): Finding | undefined {
  const { collected, collectedAgoMs } = leaks;
  if (collectedAgoMs === undefined || collectedAgoMs > LEAKED_LATELY_MS) return undefined;
  return {
    status: 'warn',
    code: 'leaked',
    evidence: `${count(collected, 'lease')} dropped without being given back and found by the garbage collector, the last ${duration(collectedAgoMs)} ago`,
    advice: `the log has the label of each, and hive-db ps --leaked --database ${name} what may follow: hold leases and sessions with \`using\` and \`await using\``,
  };
}

function abandoned({ pool }: DatabaseSnapshot): Finding | undefined {
  if (pool.abandoned === 0) return undefined;
  return {
    status: 'warn',
    code: 'abandoned',
    evidence: `${count(pool.abandoned, 'connection')} did not open or close in time and no longer count`,
    advice: 'the disk or the server hangs; look there first, and restart the process if they stay',
  };
}

function walTooLarge({ walBytes, fileBytes }: DatabaseSnapshot, thresholds: Thresholds): Finding | undefined {
  const limit = logLimitBytes(fileBytes, thresholds);
  if (walBytes === undefined || walBytes <= limit) return undefined;
  const twice = limit > thresholds.walBytes ? ', twice the database file' : '';
  return {
    status: 'warn',
    code: 'wal',
    evidence: `its -wal file has grown to ${size(walBytes)}, over ${size(limit)}${twice}`,
    advice: 'a reader that stays keeps it from being emptied: end long reads and sessions, also in other processes',
  };
}

function pinned({ name, checkpoints, leases }: DatabaseSnapshot): Finding | undefined {
  if (checkpoints?.pinned === undefined) return undefined;
  return { status: 'warn', code: 'pinned', ...pinnedInWords(name, checkpoints.pinned, leases) };
}

/** Writes go on all the while: SQLite helps at COMMIT, at the latest when the log is long. */
function notCheckpointed({ name, status, checkpoints }: DatabaseSnapshot): Finding | undefined {
  const { failure, silentMs = 0 } = checkpoints ?? {};
  // Where writes are stopped the log is left alone, and why is said already.
  if (status === 'fenced' || (failure === undefined && silentMs < SILENT_MS)) return undefined;
  const cause = failure === undefined ? '' : [failure.code, failure.message].filter((part) => part !== '').join(': ');
  return {
    status: 'warn',
    code: 'checkpoints',
    evidence:
      failure === undefined
        ? `the thread that brings its log into the file has been in one call for ${duration(silentMs)}`
        : `its log could not be brought into the file: ${cause}`,
    advice: `nothing is lost, the log grows: look at the disk and its free space; hive-db wal ${name} shows how long it is`,
  };
}

/** Labels come from the application: JSON's quoting leaves no control character in a terminal or a log line. */
function quoted(owner: string | undefined): string {
  return owner === undefined ? 'somebody unnamed' : JSON.stringify(owner);
}
