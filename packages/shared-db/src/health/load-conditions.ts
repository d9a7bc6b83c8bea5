import type { DatabaseErrorCode, ErrorKind } from '../errors.ts';
import type { DatabaseSnapshot } from '../snapshot.ts';
import type { Damping } from './alarm.ts';
import type { Condition, Finding, Wording } from './condition.ts';
import { count, duration, percent, size } from './figures.ts';
import { beyond, reached } from './level.ts';
import { logLimitBytes } from './log-limit.ts';
import type { ReasonCode } from './reason.ts';
import type { DatabaseThresholds } from './thresholds.ts';
import type { DatabaseTrend } from './trend.ts';

/** A figure of one database with a mark, and what is said when it is over. */
interface LoadRule {
  readonly code: ReasonCode;
  readonly damping: Damping;
  /** See `Condition.level`. Without a trend, of a process that does not remember, by what is so now or was since the start. */
  readonly level: (database: DatabaseSnapshot, thresholds: DatabaseThresholds) => number;
  readonly wording: (database: DatabaseSnapshot, thresholds: DatabaseThresholds, finding: Finding) => Wording;
  /** What is worse than its mark, and whether that is a failure. */
  readonly critical?: {
    readonly level: (database: DatabaseSnapshot, thresholds: DatabaseThresholds) => number;
    readonly fails: (thresholds: DatabaseThresholds) => boolean;
  };
}

/** One commit in a hundred may take as long: a disk that takes longer to sync is in everybody's way. */
const LATE_COMMIT_MS = 10;
/** Fewer failures than this within a minute are chance. */
const ENOUGH_ERRORS = 5;
/** Fewer connections than this within a minute are no churn, however small the pool. */
const ENOUGH_CLOSED = 20;
/** How many kinds a sentence names. */
const NAMED_KINDS = 3;
/** Failures that another reason speaks of; and those that a caller expects, asks for, or has made up. */
const ELSEWHERE: readonly ErrorKind[] = ['POOL_TIMEOUT', 'POOL_SUSPENDED', 'POOL_CLOSED', 'FENCED', 'DISK_FULL'];
const EXPECTED: readonly ErrorKind[] = ['CONSTRAINT', 'ABORTED'];
const OF_NO_ACCOUNT: ReadonlySet<string> = new Set([...ELSEWHERE, ...EXPECTED].map((kind) => `HIVEDB_E_${kind}`));

/** Everything about the load of a database that is serving. */
export function loadConditions(database: DatabaseSnapshot, thresholds: DatabaseThresholds): readonly Condition[] {
  return RULES.map(({ code, damping, level, wording, critical }) => ({
    code,
    database: database.name,
    subject: undefined,
    level: level(database, thresholds),
    criticalLevel: critical?.level(database, thresholds) ?? 0,
    damping,
    statusOf: ({ isCritical }) => (isCritical && critical?.fails(thresholds) === true ? 'fail' : 'warn'),
    wording: (finding) => wording(database, thresholds, finding),
  }));
}

/** It is a mean already, and need not be over for long. */
const saturated: LoadRule = {
  code: 'saturated',
  damping: { raiseAfterMs: 5_000, dropAfterMs: 15_000, lower: 0.9 },
  level: (database, { utilisationWarn, utilisationCritical }) =>
    reached(utilisation(database), Math.min(utilisationWarn, utilisationCritical)),
  critical: {
    level: (database, { utilisationCritical }) => reached(utilisation(database), utilisationCritical),
    fails: ({ failWhenSaturated }) => failWhenSaturated,
  },
  wording: (database) => {
    const { name, pool, trend } = database;
    const share = percent(utilisation(database));
    const limit = count(pool.size + pool.maxOverflow, 'connection');
    const evidence =
      trend === undefined
        ? `${pool.leased} of ${limit} are in use (${share})`
        : `${share} of ${limit} in use over the last quarter of a minute, ${pool.leased} of them now`;
    return {
      evidence: `${evidence}, ${count(pool.waiting, 'caller')} waiting`,
      advice: `hive-db ps --database ${name} shows who holds them; where all are short and needed, raise size or maxOverflow`,
    };
  },
};

function utilisation({ pool, trend }: DatabaseSnapshot): number {
  if (trend !== undefined) return trend.utilisation;
  const limit = pool.size + pool.maxOverflow;
  return limit > 0 ? pool.leased / limit : 0;
}

/** Who waits long has waited long already. */
export const WAITING: Damping = { raiseAfterMs: 2_000, dropAfterMs: 10_000, lower: 0.5 };

const waiting: LoadRule = {
  code: 'waiting',
  damping: WAITING,
  level: ({ pool }, { oldestWaitMs }) => beyond(pool.oldestWaitMs, oldestWaitMs),
  wording: ({ name, pool }, { oldestWaitMs }, { overAgoMs }) => ({
    evidence:
      overAgoMs > 0
        ? `callers waited longer than ${duration(oldestWaitMs)} for a connection`
        : `${count(pool.waiting, 'caller')} waiting for a connection, the oldest for ${duration(pool.oldestWaitMs)}`,
    advice: `hive-db ps --database ${name} shows who holds the connections; shorten that, or raise size or maxOverflow`,
  }),
};

/** In the queue of this process, or at its head and for the lock of the database, which somebody else has. */
const waitingToWrite: LoadRule = {
  code: 'waiting-to-write',
  damping: WAITING,
  level: ({ lane }, { oldestWaitMs }) => beyond(oldestWrite(lane), oldestWaitMs),
  wording: ({ name, lane }, { oldestWaitMs }, { overAgoMs }) => ({
    evidence: overAgoMs > 0 ? `writes waited longer than ${duration(oldestWaitMs)} to be written` : queuedWrites(lane),
    advice: `hive-db why ${name} says who holds the write lock; keep transactions short and slow work outside them`,
  }),
};

function oldestWrite({ oldestWaitMs, writer }: DatabaseSnapshot['lane']): number {
  const outsideMs = writer !== undefined && writer.lockedMs === undefined ? writer.heldMs : 0;
  return Math.max(oldestWaitMs, outsideMs);
}

function queuedWrites(lane: DatabaseSnapshot['lane']): string {
  const { writer } = lane;
  const isOutside = writer !== undefined && writer.lockedMs === undefined;
  const label = JSON.stringify(writer?.label);
  const behind = writer === undefined ? '' : `, behind ${label} for ${duration(writer.heldMs)}`;
  const first = isOutside ? `, first ${label} for the lock of the database` : behind;
  const writes = count(lane.waiting + (isOutside ? 1 : 0), 'write');
  return `${writes} waiting to be written, the oldest for ${duration(oldestWrite(lane))}${first}`;
}

const acquireTime: LoadRule = {
  code: 'acquire-time',
  damping: { raiseAfterMs: 10_000, dropAfterMs: 30_000, lower: 0.5 },
  level: ({ trend }, { acquireFactor, acquireFloorMs }) => {
    const { acquireMs, usualAcquireMs } = trend ?? {};
    if (acquireMs === undefined || usualAcquireMs === undefined) return 0;
    return reached(acquireMs, Math.max(acquireFloorMs, acquireFactor * usualAcquireMs));
  },
  wording: ({ name, trend }) => ({
    evidence: `of ${count(trend?.acquired ?? 0, 'connection')} had in the last minute one in a hundred took ${duration(trend?.acquireMs ?? 0)} or longer to get, usually ${duration(trend?.usualAcquireMs ?? 0)}`,
    advice: `see what has changed: hive-db top shows what takes long, hive-db ps --database ${name} who holds the connections`,
  }),
};

const timeouts: LoadRule = {
  code: 'timeouts',
  damping: { raiseAfterMs: 0, dropAfterMs: 10_000, lower: 0.5 },
  level: (database, { timeoutShare }) => reached(timeoutsOf(database).share, timeoutShare),
  wording: (database) => {
    const { failed, share } = timeoutsOf(database);
    const when = database.trend === undefined ? 'since the start' : 'in the last minute';
    return {
      evidence: `${count(failed, 'acquisition')} timed out ${when}, ${percent(share)} of all`,
      advice: `the errors of the callers name who held the connections then; hive-db ps --database ${database.name} shows who does now`,
    };
  },
};

function timeoutsOf({ pool, trend }: DatabaseSnapshot): { readonly failed: number; readonly share: number } {
  const { immediate, waited } = pool.counters;
  const failed = trend?.timeouts ?? pool.counters.timeouts;
  const had = trend?.acquired ?? immediate + waited;
  return { failed, share: failed === 0 ? 0 : failed / (had + failed) };
}

const errors: LoadRule = {
  code: 'errors',
  damping: { raiseAfterMs: 2_000, dropAfterMs: 10_000, lower: 0.5 },
  level: ({ trend }, { errorShare }) => {
    const { failed, share } = errorsOf(trend);
    return failed < ENOUGH_ERRORS ? 0 : reached(share, errorShare);
  },
  wording: ({ trend }) => {
    const { failed, calls, share, kinds } = errorsOf(trend);
    return {
      evidence: `${failed} of ${count(calls, 'call')} failed in the last minute (${percent(share)}): ${kindsInWords(kinds)}`,
      advice: 'docs/errors.md says what each code means and what to do; hive-db top shows which labels fail',
    };
  },
};

/** By kind, most first. A caller may be told of an error without having been counted as a call. */
function errorsOf(trend: DatabaseTrend | undefined): {
  readonly failed: number;
  readonly calls: number;
  readonly share: number;
  readonly kinds: readonly (readonly [string, number])[];
} {
  const all = Object.entries(trend?.errors ?? {}) as (readonly [DatabaseErrorCode, number])[];
  const kinds = all.filter(([code]) => !OF_NO_ACCOUNT.has(code)).toSorted(([, a], [, b]) => b - a);
  const failed = kinds.reduce((sum, [, one]) => sum + one, 0);
  const calls = Math.max(trend?.calls ?? 0, failed);
  return { failed, calls, share: calls === 0 ? 0 : failed / calls, kinds };
}

function kindsInWords(kinds: readonly (readonly [string, number])[]): string {
  const named = kinds.slice(0, NAMED_KINDS).map(([kind, number]) => `${number} ${kind}`);
  const more = kinds.length > NAMED_KINDS ? `, and ${kinds.length - NAMED_KINDS} other kinds` : '';
  return named.join(', ') + more;
}

const recycling: LoadRule = {
  code: 'recycling',
  damping: { raiseAfterMs: 10_000, dropAfterMs: 30_000, lower: 0.75 },
  level: ({ pool, trend }, { recyclesPerMinute }) => {
    const { replaced } = recycledOf(trend);
    if (replaced < ENOUGH_CLOSED) return 0;
    return reached(replaced / Math.max(1, pool.size + pool.maxOverflow), recyclesPerMinute);
  },
  wording: ({ pool, trend }) => {
    const { replaced, kinds } = recycledOf(trend);
    const limit = count(pool.size + pool.maxOverflow, 'connection');
    return {
      evidence: `${count(replaced, 'connection')} closed and ${trend?.opened ?? 0} opened in the last minute, in a pool of ${limit} at most: ${kindsInWords(kinds)}`,
      advice:
        RECYCLING[kinds[0]?.[0] ?? ''] ?? 'see the log for why connections go; opening one costs more than most uses',
    };
  },
};

/** What to do about it, by what most of them were closed for. */
const RECYCLING: Readonly<Record<string, string>> = {
  idle: 'connections are closed when idle and opened again soon after: lower maxOverflow and raise size',
  overflow: 'the pool grows and shrinks again and again: raise size, and lower maxOverflow by as much',
  lifetime: 'raise pool.recycle: connections hardly live longer than it takes to open them',
  invalid: 'something ends them while they are idle: look at the idle limit of the server and what is between',
  condemned: 'something ends them while they are idle: look at the idle limit of the server and what is between',
  'reset-failed': 'they come back in no state to be used: see the log for what their last users did',
  caller: 'their users close them: raw, which a query builder takes, costs a connection each time',
  collected: 'leases are dropped without release: hold them with `using` and `await using`',
};

/** Whoever flushes a pool or resizes it knows that. */
function recycledOf(trend: DatabaseTrend | undefined): {
  readonly replaced: number;
  readonly kinds: readonly (readonly [string, number])[];
} {
  const kinds = Object.entries(trend?.closed ?? {})
    .filter(([reason]) => reason !== 'flushed' && reason !== 'closed')
    .toSorted(([, a], [, b]) => b - a);
  return { replaced: kinds.reduce((sum, [, one]) => sum + one, 0), kinds };
}

const slowCommits: LoadRule = {
  code: 'slow-commits',
  damping: { raiseAfterMs: 0, dropAfterMs: 10_000, lower: 0.8 },
  level: ({ lane }) => beyond(lane.work.lateCommitMs ?? 0, LATE_COMMIT_MS),
  wording: ({ lane, durability }) => {
    const why =
      durability === 'full' ? 'its disk is slow to sync, or busy with something else' : 'long functions share a group';
    return {
      evidence: `of the commits of the last minutes one in a hundred took ${duration(lane.work.lateCommitMs ?? 0)} or longer`,
      advice: `${why}: look at what else uses the disk, and at the longest statements of writes`,
    };
  },
};

const walTooLarge: LoadRule = {
  code: 'wal',
  damping: { raiseAfterMs: 0, dropAfterMs: 10_000, lower: 0.9 },
  level: ({ walBytes = 0, fileBytes }, thresholds) => beyond(walBytes, logLimitBytes(fileBytes, thresholds)),
  wording: ({ walBytes = 0, fileBytes }, thresholds) => {
    const limit = logLimitBytes(fileBytes, thresholds);
    const twice = limit > thresholds.walBytes ? ', twice the database file' : '';
    return {
      evidence: `its -wal file has grown to ${size(walBytes)}, over ${size(limit)}${twice}`,
      advice: 'a reader that stays keeps it from being emptied: end long reads and sessions, also in other processes',
    };
  },
};

const RULES: readonly LoadRule[] = [
  saturated,
  waiting,
  waitingToWrite,
  acquireTime,
  slowCommits,
  timeouts,
  errors,
  recycling,
  walTooLarge,
];
