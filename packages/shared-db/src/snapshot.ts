import type { HistogramSnapshot, LeaseInfo, PoolStats, WaiterInfo } from '@hive/pool';
import type { ServerLimits } from './driver/driver.ts';
import type { DatabaseErrorCode } from './errors.ts';
import type { DatabaseThresholds, StatedThresholds } from './health/thresholds.ts';
import type { DatabaseTrend, ServiceTrend } from './health/trend.ts';

/** What a database is doing: being opened, serving, refusing writes after an I/O error, out of order, closed. */
export type DatabaseStatus = 'opening' | 'open' | 'fenced' | 'failed' | 'closed';

/** One named database, frozen. Durations are milliseconds. */
export interface DatabaseSnapshot {
  readonly name: string;
  readonly driver: string;
  readonly status: DatabaseStatus;
  /** Whether the process is no use without it. */
  readonly required: boolean;
  /** Why it is fenced or failed. */
  readonly failure: { readonly code: string; readonly message: string } | undefined;
  /** How far it is with being written again; undefined while it is not fenced. */
  readonly repair: RepairSnapshot | undefined;
  /** Why the latest writes were refused for want of space; undefined since one was committed. */
  readonly refused: RefusedWrites | undefined;
  readonly durability: string | undefined;
  readonly path: string | undefined;
  /** Sizes by `stat`, undefined where there is no file. */
  readonly fileBytes: number | undefined;
  readonly walBytes: number | undefined;
  /** How its log is kept short; undefined where it has none. */
  readonly checkpoints: CheckpointSnapshot | undefined;
  /** Connections that read; on drivers without a single writer, all connections. */
  readonly pool: PoolStats;
  /** Undefined in what an earlier version says of itself. */
  readonly limits: DatabaseLimits | undefined;
  /** What it is judged by; undefined in what an earlier version says of itself, which has the same for all. */
  readonly thresholds: DatabaseThresholds | undefined;
  /** What its service remembers of it; undefined without a service, before the first look, and in what an earlier version says of itself. */
  readonly trend: DatabaseTrend | undefined;
  /** Where writes queue: `running` is 1 while somebody holds the writer. */
  readonly lane: LaneSnapshot;
  /** How it comes by its turns among other processes; undefined where it needs none, and before it was opened. */
  readonly turns: TurnsSnapshot | undefined;
  readonly counters: DatabaseCounters;
  readonly leases: readonly LeaseSnapshot[];
  /** Of all its connections, the one that writes included. */
  readonly leaks: LeaksSnapshot;
  readonly waiters: readonly WaiterSnapshot[];
  /** Those on which the most time was spent: ten at most. */
  readonly statements: readonly StatementSnapshot[];
  /** The last runs that took longer than the threshold, newest first: ten at most. */
  readonly slowStatements: readonly SlowStatementSnapshot[];
  /** How many there have been. */
  readonly slowRuns: number;
}

/** What holds for the connections of a database, beside how many there may be. */
export interface DatabaseLimits {
  readonly acquireTimeoutMs: number;
  /** At which age a connection is replaced; 0 is never. */
  readonly recycleMs: number;
  /** Undefined where it has none. */
  readonly server: ServerLimits | undefined;
}

/** How the write-ahead log of a database is kept short. What the thread has last seen and done is undefined until it has. */
export interface CheckpointSnapshot {
  /** A thread of this process; or SQLite itself, at COMMIT: until the thread has begun a second after the first write, and while it is away. */
  readonly by: 'thread' | 'sqlite';
  /** In the log, and of those already in the database file, when the thread last looked. It looks while this process writes. */
  readonly frames: number | undefined;
  readonly backfilledFrames: number | undefined;
  /** For how long the thread has not looked though it should have; some milliseconds while all is well. */
  readonly silentMs: number;
  /** The last checkpoint of the thread. */
  readonly last: { readonly mode: CheckpointMode; readonly msAgo: number; readonly ms: number } | undefined;
  /** A reader that keeps it from getting shorter; undefined while none has for two seconds. */
  readonly pinned: PinnedLog | undefined;
  /** Why the thread could not do its work the last time. */
  readonly failure: { readonly code: string; readonly message: string } | undefined;
  readonly counters: CheckpointCounters;
}

/** Beside those who write; or so that the next of them begins the log anew. */
export type CheckpointMode = 'passive' | 'restart';

/** Frames that cannot be brought into the database file because somebody reads an older state. */
export interface PinnedLog {
  readonly frames: number;
  readonly forMs: number;
  /** Who it may be: all who have been reading all that time. Empty where the system does not tell. */
  readonly readers: readonly PinningReader[];
}

/** A process that has a database open for reading. */
export interface PinningReader {
  readonly pid: number;
  /** The beginning of its command line. */
  readonly command: string;
}

/** Monotone counters since the database was named. */
export interface CheckpointCounters {
  readonly passive: number;
  readonly restart: number;
  /** Somebody else was at it. */
  readonly elsewhere: number;
  /** A reader was in the way of the rest. */
  readonly blocked: number;
  /** The writers of this process were asked to wait, so that the log could be begun anew. */
  readonly pauses: number;
  readonly failures: number;
}

/** What a fenced database does about it. */
export interface RepairSnapshot {
  /** Since writes were stopped. */
  readonly sinceMs: number;
  /** How often this process has had the file verified since then. */
  readonly attempts: number;
  /**
   * `waiting` for the next attempt; `verifying`; `elsewhere`: another process verifies it; `displaced`: its path, or that of its log, does
   * not lead to what was opened, and nothing is done before it does again.
   */
  readonly phase: 'waiting' | 'verifying' | 'elsewhere' | 'displaced';
  /** In how long it is tried again; undefined where it does not depend on time. */
  readonly nextAttemptMs: number | undefined;
  /** Why the last attempt was in vain. */
  readonly found: string | undefined;
  /** Whether that is damage of the file itself. */
  readonly damaged: boolean;
}

/** Writes that a full disk has refused, all in a row. */
export interface RefusedWrites {
  readonly code: string;
  readonly message: string;
  readonly count: number;
  /** Since the first of them. */
  readonly sinceMs: number;
}

/** Where writes queue. All zero on a driver without a single writer. */
export interface LaneSnapshot {
  readonly waiting: number;
  readonly running: number;
  readonly oldestWaitMs: number;
  /** Who holds the writer; undefined while nobody does. */
  readonly writer: WriterSnapshot | undefined;
  readonly work: LaneWork;
}

/** What a lane has done. Writes that wait together share one transaction. */
export interface LaneWork {
  /** Transactions that were committed for writes. */
  readonly groups: number;
  /** Writes in them. */
  readonly members: number;
  /**
   * From BEGIN until the group was on the disk, or committed where that is all that was asked for; of transactions, which are counted here
   * as well, from COMMIT.
   */
  readonly commitTime: HistogramSnapshot;
  /**
   * What one in a hundred of these took at least, of those of the last minute or two; of fewer than a hundred what half of them took;
   * undefined where there were not fifty.
   */
  readonly lateCommitMs: number | undefined;
}

/** How a database comes by its turns to write among the processes of this host. */
export interface TurnsSnapshot {
  /** `alone`: nothing had to be agreed on yet. `arbiter`: turns are had. `polling`: they cannot be had, and who wants the lock tries again and again. */
  readonly mode: 'alone' | 'arbiter' | 'polling';
  /** Why it is polling, as a sentence. */
  readonly reason: string | undefined;
  /** How many callers of this process wait for a turn. */
  readonly waiting: number;
  readonly oldestWaitMs: number;
  /** For how long this process has had its turn; undefined while it has none. */
  readonly heldMs: number | undefined;
  /** How many turns it was given, and how many it has helped itself to by polling. */
  readonly granted: number;
  readonly polled: number;
  /** How long ago it last did that; undefined where it never has. */
  readonly polledAgoMs: number | undefined;
}

/** Who has the right to write among the callers of this process, and how far it is. */
export interface WriterSnapshot {
  readonly label: string;
  /** Since it had the right. */
  readonly heldMs: number;
  /** Since BEGIN gave it the lock of the database; undefined while it waits for that. */
  readonly lockedMs: number | undefined;
  /** Since it first changed something; undefined while it has only read. */
  readonly changedMs: number | undefined;
}

/** What a connection is for: reading, or writing in the lane; on drivers without a single writer, either. */
export type ConnectionUse = 'read' | 'write' | 'any';

/** Who holds a connection. */
export interface LeaseSnapshot extends LeaseInfo {
  readonly use: ConnectionUse | 'session';
}

/** Leases that look like leaks, and those that were. */
export interface LeaksSnapshot {
  /** How many of `leases` are suspected at this moment. */
  readonly suspects: number;
  /** Counted since the database was named: leases that were ever suspected; those of them that came back after all. */
  readonly suspected: number;
  readonly returnedLate: number;
  /** Counted likewise: leases that were dropped without release and found by the garbage collector. They were leaks. */
  readonly collected: number;
  /** How long ago that last happened; undefined where it never has. */
  readonly collectedAgoMs: number | undefined;
}

/** Who waits for one. */
export interface WaiterSnapshot extends WaiterInfo {
  readonly use: ConnectionUse;
}

/** How many statements, and how many slow runs, a snapshot shows of a database. */
export const SHOWN_STATEMENTS = 10;

/** One text of SQL, without values. */
export interface StatementSnapshot {
  readonly statement: string;
  readonly runs: number;
  /** In all, an estimate where not every run was timed. */
  readonly sumMs: number;
  /** The longest of those that were timed. */
  readonly maxMs: number;
}

/** One run that took longer than the threshold. */
export interface SlowStatementSnapshot {
  readonly statement: string;
  /** Why it was run. */
  readonly label: string | undefined;
  readonly ms: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Monotone counters since the database was named. */
export interface DatabaseCounters {
  readonly reads: number;
  readonly synchronousReads: number;
  readonly writes: number;
  readonly transactions: number;
  readonly sessions: number;
  /** Statements that were read in other threads or processes. */
  readonly offloads: number;
  /** Writes and transactions of which nothing was written. */
  readonly rolledBack: number;
  /** Transactions that were open when their session was closed or over its limit; they were rolled back. */
  readonly transactionsLeftOpen: number;
  /** Sessions that were over their limit and were ended. */
  readonly sessionsExpired: number;
  /** How often the write lock was somebody else's at the first try. */
  readonly busy: number;
  readonly errors: Readonly<Partial<Record<DatabaseErrorCode, number>>>;
}

/** How often a label was used since the service was opened, how often that failed, and how long it took, waiting included. */
export interface LabelSnapshot {
  readonly label: string;
  readonly calls: number;
  readonly failures: number;
  /** In all, an estimate where not every call was timed. */
  readonly sumMs: number;
  /** The longest of those that were timed. */
  readonly maxMs: number;
  /** Where it was used: at its first call, or lately. */
  readonly callSite: string | undefined;
}

/** Use of an API that is going away. */
export interface DeprecationSnapshot {
  readonly code: string;
  readonly replacement: string;
  readonly calls: number;
  readonly callSites: readonly string[];
}

/** Whether the main thread serves its callers. */
export interface EventLoopSnapshot {
  /** For how long its event loop has not turned; 0 while it does. All else in such a snapshot is as it was before, at `takenAt`. */
  readonly blockedMs: number;
  /** What the service was called for, where it is the service that blocks it. */
  readonly label: string | undefined;
  /** Which statement is being run. */
  readonly statement: string | undefined;
}

/** Where a process serves its health over HTTP. */
export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** A statement that is being read in another thread or process at this moment. */
export interface OffloadedSnapshot {
  readonly database: string;
  readonly label: string;
  readonly statement: string;
  readonly runningMs: number;
  /** Nobody waits for it any more, and nothing ends it: what runs it is lost until it is done. */
  readonly stuck: boolean;
  /** Of the process that runs it; undefined where it is a thread of this one. */
  readonly pid: number | undefined;
}

/** Threads or processes that read beside the main thread. */
export interface OffloadCrewSnapshot {
  /** How many work at once; each that is stuck may have one spare. */
  readonly limit: number;
  readonly live: number;
  readonly busy: number;
  readonly stuck: number;
  readonly queued: number;
  readonly oldestWaitMs: number;
  readonly counters: OffloadCounters;
  /** Longest first. */
  readonly running: readonly OffloadedSnapshot[];
}

/** Monotone counters since the service was opened. */
export interface OffloadCounters {
  readonly done: number;
  /** Statements that were wrong, or could not be run. */
  readonly failed: number;
  /** Callers that were let go: their time was up, or they had enough. */
  readonly released: number;
  /** Callers that were turned away at once. */
  readonly refused: number;
  /** How often one ended by itself. */
  readonly crashes: number;
  /** How long statements took, in all. */
  readonly busyMs: number;
}

/** What reads beside the main thread, for all databases together. */
export interface OffloadSnapshot {
  readonly threads: OffloadCrewSnapshot;
  readonly processes: OffloadCrewSnapshot;
}

/** The databases of one pattern, which are opened when they are used. Those that are open are among the databases as well. */
export interface OnDemandSnapshot {
  /** `tenant-*`. */
  readonly pattern: string;
  /** How many may be open. */
  readonly mostOpen: number;
  /** How many connections each has, by the settings of its pattern. Undefined in what an earlier version says of itself, as the next. */
  readonly size?: number | undefined;
  readonly maxOverflow?: number | undefined;
  readonly open: number;
  /** Of those, how many are being used: they cannot be closed for another one. */
  readonly inUse: number;
  /** Callers whose database is not open and cannot be opened yet. */
  readonly waiting: number;
  readonly oldestWaitMs: number;
  /** How often one was opened since the service was. */
  readonly opened: number;
  /** How often one was closed again, for want of use or of a place. */
  readonly evicted: number;
  /**
   * Those that were closed while they must not be written, and are to be verified when they are opened next: the last 20. Undefined in what an
   * earlier version says of itself.
   */
  readonly fenced?: readonly string[] | undefined;
}

/** A setting that is in force, and where it is from. */
export interface StatedSetting {
  readonly key: string;
  readonly value: string;
  readonly origin: string;
}

/** One process, frozen. */
export interface ServiceSnapshot {
  readonly app: string;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  readonly startedAt: number;
  /** On the monotonic clock. */
  readonly uptimeMs: number;
  readonly closing: boolean;
  readonly eventLoop: EventLoopSnapshot;
  /** Undefined where it does not serve it by itself. */
  readonly http: HttpAddress | undefined;
  /** What the process itself is judged by, and each database that has none of its own. */
  readonly thresholds: StatedThresholds;
  /** What it remembers of itself, as of its last look, once a second; undefined in what an earlier version says of itself. */
  readonly trend: ServiceTrend | undefined;
  /** Why the settings that were read last are not in force; undefined where they are. */
  readonly settingsFault: string | undefined;
  /**
   * What was changed by hand, and what decides what the process logs where that is not the default: keys and values as a settings file has them.
   * Undefined in what an earlier version says of itself.
   */
  readonly settings: readonly StatedSetting[] | undefined;
  readonly databases: readonly DatabaseSnapshot[];
  /** Databases by pattern. Undefined in what an earlier version says of itself. */
  readonly onDemand: readonly OnDemandSnapshot[] | undefined;
  readonly offload: OffloadSnapshot;
  /** How often each label was used, and how often that failed. */
  readonly labels: readonly LabelSnapshot[];
  /** Which adapters work on direct connections because the service could not be used, and why. */
  readonly fallbacks: readonly { readonly database: string; readonly reason: string }[];
  readonly deprecations: readonly DeprecationSnapshot[];
  /** Settings that were tried and not applied, engines that should not be here, and the like. */
  readonly warnings: readonly string[];
}
