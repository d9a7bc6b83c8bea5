import { DEFAULT_THRESHOLDS } from '@hive/shared-db/health';
import type { DatabaseSnapshot, ServiceSnapshot } from '@hive/shared-db';

type Pool = DatabaseSnapshot['pool'];

/** What a test changes about a database; parts of parts may be changed one by one. */
export interface DatabaseChanges extends Partial<Omit<DatabaseSnapshot, 'pool' | 'lane' | 'counters'>> {
  readonly pool?: Partial<Omit<Pool, 'counters'>> & { readonly counters?: Partial<Pool['counters']> };
  readonly lane?: Partial<DatabaseSnapshot['lane']>;
  readonly counters?: Partial<DatabaseSnapshot['counters']>;
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

/** A process that has been well for an hour. */
export function serviceSnapshot(changes: Partial<ServiceSnapshot> = {}): ServiceSnapshot {
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
    databases: [databaseSnapshot()],
    labels: [{ label: 'save order', calls: 12, failures: 0, sumMs: 9, maxMs: 3, callSite: undefined }],
    offload: { threads: IDLE_CREW, processes: IDLE_CREW },
    fallbacks: [],
    deprecations: [],
    warnings: [],
    ...changes,
  };
}

/** A process with something of everything to report. */
export function busyService(): ServiceSnapshot {
  return serviceSnapshot({
    databases: [
      databaseSnapshot({
        pool: {
          maxOverflow: 1,
          live: 5,
          leased: 5,
          idle: 0,
          waiting: 3,
          oldestWaitMs: 4_200,
          oldestLeaseMs: 41_200,
          counters: { immediate: 60, waited: 40, collected: 2, createFailures: 1 },
          waitTime: {
            count: 100,
            sumMs: 900,
            maxMs: 95,
            buckets: [
              { leMs: 0.001, count: 60 },
              { leMs: 96, count: 40 },
            ],
          },
        },
        lane: {
          waiting: 2,
          running: 1,
          oldestWaitMs: 0,
          writer: { label: 'move stock', heldMs: 1_250, lockedMs: 1_200, changedMs: 900 },
        },
        counters: { busy: 30, rolledBack: 25, errors: { HIVEDB_E_BUSY_TIMEOUT: 3, HIVEDB_E_SQL: 4 } },
        statements: [{ statement: 'SELECT * FROM orders', runs: 7, sumMs: 400, maxMs: 250 }],
        slowStatements: [
          { statement: 'SELECT * FROM orders', label: undefined, ms: 250, at: Date.UTC(2026, 10, 21, 12) },
        ],
        slowRuns: 1,
        leases: [
          {
            id: 1,
            resourceId: 1,
            owner: 'nightly import',
            ageMs: 41_200,
            acquiredAt: 'import.ts:12:3',
            allowedMs: undefined,
            use: 'write',
          },
          {
            id: 2,
            resourceId: 2,
            owner: 'list orders',
            ageMs: 3,
            acquiredAt: undefined,
            allowedMs: undefined,
            use: 'read',
          },
        ],
      }),
      databaseSnapshot({
        name: 'stock',
        status: 'failed',
        failure: { code: 'HIVEDB_E_PATH', message: '/srv/stock.db is a directory' },
      }),
    ],
    labels: [{ label: 'save order', calls: 40, failures: 10, sumMs: 9, maxMs: 3, callSite: 'save (orders.ts:7:3)' }],
    deprecations: [
      { code: 'HIVEDB_DEP0001', replacement: 'service.database(name)', calls: 2, callSites: ['a.ts:1:1', 'b.ts:2:2'] },
    ],
  });
}

/** An open SQLite database with four readers, one of them in use. */
export function databaseSnapshot(changes: DatabaseChanges = {}): DatabaseSnapshot {
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
    path: '/srv/orders.db',
    fileBytes: 1_048_576,
    walBytes: 32_768,
    checkpoints: undefined,
    leases: [],
    waiters: [],
    statements: [],
    slowStatements: [],
    slowRuns: 0,
    ...rest,
    pool: poolStats(pool),
    lane: { waiting: 0, running: 0, oldestWaitMs: 0, writer: undefined, work: NO_WORK, ...lane },
    turns: undefined,
    counters: {
      reads: 1_800,
      synchronousReads: 0,
      writes: 90,
      transactions: 30,
      sessions: 1,
      offloads: 0,
      rolledBack: 0,
      busy: 0,
      errors: {},
      ...counters,
    },
  };
}

const nothing = { count: 0, sumMs: 0, maxMs: 0, buckets: [] };

function poolStats({ counters = {}, ...changes }: NonNullable<DatabaseChanges['pool']>): Pool {
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
    waitTime: nothing,
    useTime: nothing,
    createTime: nothing,
    ...changes,
    counters: {
      immediate: 100,
      waited: 0,
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

const NO_WORK = {
  groups: 0,
  members: 0,
  commitTime: { count: 0, sumMs: 0, maxMs: 0, buckets: [] },
  lateCommitMs: undefined,
};
