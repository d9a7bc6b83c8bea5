import { createPool, type PoolCounters, type PoolStats } from '@hive/pool';
import { DEFAULT_THRESHOLDS, type DatabaseTrend, type ServiceTrend } from '@hive/shared-db/health';
import type {
  CheckpointSnapshot,
  DatabaseCounters,
  DatabaseSnapshot,
  LaneSnapshot,
  OnDemandSnapshot,
  ServiceSnapshot,
} from '@hive/shared-db';

/** What a test changes about a healthy database; the parts of its parts may be changed one by one. */
export interface DatabaseChanges extends Partial<Omit<DatabaseSnapshot, 'pool' | 'lane' | 'counters'>> {
  readonly pool?: Partial<Omit<PoolStats, 'counters'>> & { readonly counters?: Partial<PoolCounters> };
  readonly lane?: Partial<LaneSnapshot>;
  readonly counters?: Partial<DatabaseCounters>;
}

const IDLE_CREW: ServiceSnapshot['offload']['threads'] = {
  limit: 1,
  live: 0,
  busy: 0,
  stuck: 0,
  queued: 0,
  oldestWaitMs: 0,
  counters: { done: 0, failed: 0, released: 0, refused: 0, crashes: 0, busyMs: 0 },
  running: [],
};

/** A service that is well, with one database, `orders`. */
export function healthyService(changes: Partial<ServiceSnapshot> = {}): ServiceSnapshot {
  return {
    app: 'shop',
    pid: 4711,
    takenAt: Date.UTC(2026, 10, 21, 12),
    startedAt: Date.UTC(2026, 10, 21, 11),
    uptimeMs: 3_600_000,
    closing: false,
    eventLoop: { blockedMs: 0, label: undefined, statement: undefined },
    http: undefined,
    thresholds: DEFAULT_THRESHOLDS,
    trend: undefined,
    settingsFault: undefined,
    settings: [],
    databases: [healthyDatabase()],
    labels: [{ label: 'save order', calls: 12, failures: 0, sumMs: 9, maxMs: 3, callSite: undefined }],
    onDemand: [],
    offload: { threads: IDLE_CREW, processes: IDLE_CREW },
    fallbacks: [],
    deprecations: [],
    warnings: [],
    ...changes,
  };
}

/** An open SQLite database with four readers, one of them in use. */
export function healthyDatabase(changes: DatabaseChanges = {}): DatabaseSnapshot {
  const { pool = {}, lane = {}, counters = {}, ...rest } = changes;
  return {
    name: 'orders',
    driver: 'sqlite',
    status: 'open',
    required: false,
    failure: undefined,
    repair: undefined,
    refused: undefined,
    durability: 'full',
    thresholds: undefined,
    trend: undefined,
    limits: { acquireTimeoutMs: 10_000, recycleMs: 0, server: undefined },
    path: '/srv/secret-place/orders.db',
    fileBytes: 1_048_576,
    walBytes: 32_768,
    checkpoints: healthyCheckpoints(),
    leases: [
      {
        id: 1,
        resourceId: 1,
        owner: 'list orders',
        ageMs: 3,
        idleMs: 3,
        suspect: false,
        acquiredAt: undefined,
        allowedMs: undefined,
        use: 'read',
      },
    ],
    leaks: NO_LEAKS,
    waiters: [],
    statements: [],
    slowStatements: [],
    slowRuns: 0,
    turns: {
      mode: 'arbiter',
      reason: undefined,
      waiting: 0,
      oldestWaitMs: 0,
      heldMs: undefined,
      granted: 7,
      polled: 0,
      polledAgoMs: undefined,
    },
    ...rest,
    pool: healthyPool(pool),
    lane: { waiting: 0, running: 0, oldestWaitMs: 0, writer: undefined, work: NO_WORK, ...lane },
    counters: {
      reads: 100,
      synchronousReads: 1_000,
      writes: 12,
      transactions: 3,
      sessions: 1,
      offloads: 0,
      rolledBack: 0,
      transactionsLeftOpen: 0,
      sessionsExpired: 0,
      busy: 0,
      errors: {},
      ...counters,
    },
  };
}

/** What is remembered of a database that was used a little within the last minute. */
export function healthyTrend(changes: Partial<DatabaseTrend> = {}): DatabaseTrend {
  return {
    windowMs: 61_000,
    utilisation: 0.25,
    acquired: 200,
    timeouts: 0,
    acquireMs: 1,
    usualAcquireMs: 1,
    calls: 200,
    errors: {},
    opened: 0,
    closed: {},
    ...changes,
  };
}

/** What is remembered of a service that has been well for an hour. */
export function healthyServiceTrend(changes: Partial<ServiceTrend> = {}): ServiceTrend {
  return {
    openedAt: Date.UTC(2026, 10, 21, 11),
    raised: [],
    stalledMs: 0,
    longestStallMs: 0,
    deprecated: [],
    ...changes,
  };
}

/** A log that a thread keeps short. */
export function healthyCheckpoints(changes: Partial<CheckpointSnapshot> = {}): CheckpointSnapshot {
  return {
    by: 'thread',
    frames: 1_200,
    backfilledFrames: 1_000,
    silentMs: 3,
    last: { mode: 'passive', msAgo: 500, ms: 2 },
    pinned: undefined,
    failure: undefined,
    counters: { passive: 7, restart: 2, elsewhere: 1, blocked: 3, pauses: 0, failures: 0 },
    ...changes,
  };
}

/** What a pool says of itself before anybody has used it. */
const unused = createPool({ name: 'orders', size: 4, maxOverflow: 0, create: () => 'a connection' }).stats();

function healthyPool({ counters = {}, ...changes }: NonNullable<DatabaseChanges['pool']>): PoolStats {
  return {
    ...unused,
    live: 2,
    leased: 1,
    idle: 1,
    oldestLeaseMs: 3,
    ...changes,
    counters: { ...unused.counters, immediate: 99, waited: 1, created: 2, validations: 5, ...counters },
  };
}

const NO_LEAKS = { suspects: 0, suspected: 0, returnedLate: 0, collected: 0, collectedAgoMs: undefined };

const NO_WORK = {
  groups: 0,
  members: 0,
  commitTime: { count: 0, sumMs: 0, maxMs: 0, buckets: [] },
  lateCommitMs: undefined,
};

/** Databases of a pattern, of which as many are open as may be, and one more is wanted. */
export const TENANTS: OnDemandSnapshot = {
  pattern: 'tenant-*',
  mostOpen: 50,
  open: 50,
  inUse: 50,
  waiting: 2,
  oldestWaitMs: 1_500,
  opened: 340,
  evicted: 290,
};
