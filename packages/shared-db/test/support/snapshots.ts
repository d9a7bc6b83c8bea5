import type { HistogramSnapshot, PoolCounters, PoolStats } from '@hive/pool';
import { DEFAULT_THRESHOLDS } from '@hive/shared-db/health';
import type { DatabaseCounters, DatabaseSnapshot, LaneSnapshot, ServiceSnapshot } from '@hive/shared-db';

/** What a test changes about a healthy database; the parts of its parts may be changed one by one. */
export interface DatabaseChanges extends Partial<Omit<DatabaseSnapshot, 'pool' | 'lane' | 'counters'>> {
  readonly pool?: Partial<Omit<PoolStats, 'counters'>> & { readonly counters?: Partial<PoolCounters> };
  readonly lane?: Partial<LaneSnapshot>;
  readonly counters?: Partial<DatabaseCounters>;
}

/** A service that is well, with one database, `orders`. */
export function healthyService(changes: Partial<ServiceSnapshot> = {}): ServiceSnapshot {
  return {
    app: 'shop',
    pid: 4711,
    takenAt: Date.UTC(2026, 10, 21, 12),
    startedAt: Date.UTC(2026, 10, 21, 11),
    uptimeMs: 3_600_000,
    closing: false,
    thresholds: DEFAULT_THRESHOLDS,
    databases: [healthyDatabase()],
    labels: [{ label: 'save order', calls: 12, failures: 0 }],
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
    durability: 'full',
    path: '/srv/secret-place/orders.db',
    fileBytes: 1_048_576,
    walBytes: 32_768,
    leases: [{ id: 1, resourceId: 1, owner: 'list orders', ageMs: 3, acquiredAt: undefined, allowedMs: undefined }],
    waiters: [],
    ...rest,
    pool: healthyPool(pool),
    lane: { waiting: 0, running: 0, oldestWaitMs: 0, writer: undefined, ...lane },
    counters: {
      reads: 100,
      synchronousReads: 1_000,
      writes: 12,
      transactions: 3,
      sessions: 1,
      rolledBack: 0,
      busy: 0,
      errors: {},
      ...counters,
    },
  };
}

/** A histogram of nothing. */
const emptyHistogram: HistogramSnapshot = { count: 0, sumMs: 0, maxMs: 0, buckets: [] };

function healthyPool({ counters = {}, ...changes }: NonNullable<DatabaseChanges['pool']>): PoolStats {
  return {
    name: 'orders',
    status: 'open',
    size: 4,
    maxOverflow: 0,
    minIdle: 0,
    live: 2,
    leased: 1,
    idle: 1,
    creating: 0,
    validating: 0,
    resetting: 0,
    closing: 0,
    abandoned: 0,
    waiting: 0,
    oldestWaitMs: 0,
    oldestLeaseMs: 3,
    generation: 0,
    waitTime: emptyHistogram,
    useTime: emptyHistogram,
    createTime: emptyHistogram,
    ...changes,
    counters: {
      immediate: 99,
      waited: 1,
      timeouts: 0,
      aborted: 0,
      overloaded: 0,
      created: 2,
      createFailures: 0,
      destroyed: {
        idle: 0,
        lifetime: 0,
        overflow: 0,
        invalid: 0,
        condemned: 0,
        'reset-failed': 0,
        caller: 0,
        collected: 0,
        flushed: 0,
        late: 0,
        closed: 0,
      },
      validations: 5,
      validationFailures: 0,
      staleReleases: 0,
      revoked: 0,
      collected: 0,
      observerErrors: 0,
      ...counters,
    },
  };
}
