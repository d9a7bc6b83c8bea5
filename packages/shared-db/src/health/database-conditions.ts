import type { DatabaseSnapshot, DatabaseStatus, LeaseSnapshot } from '../snapshot.ts';
import { fact, type Condition, type Wording } from './condition.ts';
import { count, duration } from './figures.ts';
import { loadConditions } from './load-conditions.ts';
import { pinnedInWords } from './pinned-log.ts';
import type { Reason, ReasonCode } from './reason.ts';
import { repairAdvice, repairWords } from './repair-words.ts';
import { LEAKED_LATELY_MS, suspectedLeaks } from './suspected-leaks.ts';
import type { DatabaseThresholds } from './thresholds.ts';

/** What one rule finds in one database. */
interface Fact extends Wording {
  readonly status: Reason['status'];
  readonly code: ReasonCode;
}
type Rule = (database: DatabaseSnapshot, thresholds: DatabaseThresholds) => Fact | undefined;

/** For how long it is told that the lock was fought for without turns: about as long as somebody needs to look. */
const POLLED_LATELY_MS = 60_000;
/** How many holders a sentence names; the snapshot has them all. */
const NAMED_HOLDERS = 3;
/** A sync of a slow disk takes a second; ten are a disk that hangs. */
const SILENT_MS = 10_000;

/** Everything that is wrong with one database, or may be soon. */
export function databaseConditions(database: DatabaseSnapshot, thresholds: DatabaseThresholds): readonly Condition[] {
  const facts = (rules: readonly Rule[]): readonly Condition[] =>
    rules.flatMap((rule) => {
      const found = rule(database, thresholds);
      return found === undefined ? [] : fact(found.code, found.status, found, { database: database.name });
    });
  // A database that is not there has no pool worth judging: its figures would only repeat that it is not there.
  if (database.status !== 'open' && database.status !== 'fenced') return facts([availability]);
  return [
    ...facts([availability, diskFull, suspended]),
    ...loadConditions(database, thresholds),
    ...facts([polling, longLeases, leaked, abandoned, pinned, notCheckpointed]),
  ];
}

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

function availability({ status, required, failure, repair }: DatabaseSnapshot): Fact | undefined {
  if (status === 'open') return undefined;
  const { evidence, advice } = unavailable[status];
  const cause = failure === undefined ? '' : `: ${failure.code}: ${failure.message}`;
  const finding: Fact = { status: required ? 'fail' : 'warn', code: status, evidence: evidence + cause, advice };
  if (repair === undefined) return finding;
  const since = `${evidence} for ${duration(repair.sinceMs)}${cause}; ${repairWords(repair)}`;
  return { ...finding, evidence: since, advice: repairAdvice(repair) };
}

function diskFull({ refused, required }: DatabaseSnapshot): Fact | undefined {
  if (refused === undefined) return undefined;
  return {
    status: required ? 'fail' : 'warn',
    code: 'disk-full',
    evidence: `${count(refused.count, 'write')} in a row refused, the first ${duration(refused.sinceMs)} ago: ${refused.code}`,
    advice: 'free space on the disk of the database; reads go on meanwhile, and the next write that succeeds ends this',
  };
}

function suspended({ name, pool, lane }: DatabaseSnapshot): Fact | undefined {
  if (pool.status !== 'suspended') return undefined;
  const waiting = pool.waiting + lane.waiting;
  return {
    status: 'warn',
    code: 'suspended',
    evidence: `its pool is suspended and ${count(waiting, 'caller')} ${waiting === 1 ? 'waits' : 'wait'} for it`,
    advice: `let it go on: hive-db resume ${name}, or service.database('${name}').resume() where it was suspended`,
  };
}

/** Only where others have been met: who is alone with its file needs no turns. */
function polling({ turns }: DatabaseSnapshot): Fact | undefined {
  if (turns?.mode !== 'polling' || (turns.polledAgoMs ?? Infinity) > POLLED_LATELY_MS) return undefined;
  return {
    status: 'warn',
    code: 'polling',
    evidence: `other processes write to the same file, and no turns can be had: ${turns.reason ?? 'for an unknown reason'}`,
    advice:
      'let all processes use one service each, with presence on and one runtime directory; until then some wait longer than others',
  };
}

function longLeases(
  { name, leases }: DatabaseSnapshot,
  { suspectedLeaks: allowed }: DatabaseThresholds,
): Fact | undefined {
  const suspects = suspectedLeaks(leases);
  if (suspects.length <= allowed) return undefined;
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
function leaked({ name, leaks }: DatabaseSnapshot): Fact | undefined {
  const { collected, collectedAgoMs } = leaks;
  if (collectedAgoMs === undefined || collectedAgoMs > LEAKED_LATELY_MS) return undefined;
  return {
    status: 'warn',
    code: 'leaked',
    evidence: `${count(collected, 'lease')} dropped without being given back and found by the garbage collector, the last ${duration(collectedAgoMs)} ago`,
    advice: `the log has the label of each, and hive-db ps --leaked --database ${name} what may follow: hold leases and sessions with \`using\` and \`await using\``,
  };
}

function abandoned({ pool }: DatabaseSnapshot): Fact | undefined {
  if (pool.abandoned === 0) return undefined;
  return {
    status: 'warn',
    code: 'abandoned',
    evidence: `${count(pool.abandoned, 'connection')} did not open or close in time and no longer count`,
    advice: 'the disk or the server hangs; look there first, and restart the process if they stay',
  };
}

function pinned({ name, checkpoints, leases }: DatabaseSnapshot): Fact | undefined {
  if (checkpoints?.pinned === undefined) return undefined;
  return { status: 'warn', code: 'pinned', ...pinnedInWords(name, checkpoints.pinned, leases) };
}

/** Writes go on all the while: SQLite helps at COMMIT, at the latest when the log is long. */
function notCheckpointed({ name, status, checkpoints }: DatabaseSnapshot): Fact | undefined {
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
