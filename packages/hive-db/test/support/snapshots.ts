import { DEFAULT_DATABASE_THRESHOLDS, DEFAULT_THRESHOLDS } from '@hive/shared-db/health';
import { temporaryDatabase } from '@hive/shared-db/testing';
import type { DatabaseSnapshot, OnDemandSnapshot, ServiceSnapshot } from '@hive/shared-db';

type Pool = DatabaseSnapshot['pool'];

/** What a test changes about a database; parts of parts may be changed one by one. */
export interface DatabaseChanges extends Partial<Omit<DatabaseSnapshot, 'pool' | 'lane' | 'counters'>> {
  readonly pool?: Partial<Omit<Pool, 'counters'>> & { readonly counters?: Partial<Pool['counters']> };
  readonly lane?: Partial<DatabaseSnapshot['lane']>;
  readonly counters?: Partial<DatabaseSnapshot['counters']>;
}

await using nobody = await temporaryDatabase();
/** What a service says of itself before anybody has used it. */
const unusedService = nobody.service.snapshot();
const unusedDatabase = unusedService.databases[0]!;

const IDLE_CREW = { ...unusedService.offload.threads, limit: 1 };

/** A process that has been well for an hour. */
export function serviceSnapshot(changes: Partial<ServiceSnapshot> = {}): ServiceSnapshot {
  return {
    ...unusedService,
    app: 'shop',
    pid: 4711,
    takenAt: Date.UTC(2026, 10, 21, 12),
    startedAt: Date.UTC(2026, 10, 21, 11),
    uptimeMs: 3_600_000,
    thresholds: DEFAULT_THRESHOLDS,
    trend: undefined,
    databases: [databaseSnapshot()],
    labels: [{ label: 'save order', calls: 12, failures: 0, sumMs: 9, maxMs: 3, callSite: undefined }],
    onDemand: undefined,
    settings: undefined,
    offload: { threads: IDLE_CREW, processes: IDLE_CREW },
    // What the tests of this process have done is not its.
    fallbacks: [],
    deprecations: [],
    warnings: [],
    ...changes,
  };
}

/** A process that has looked at itself for an hour, and whose pool has been full for the last three minutes of it. */
export function saturatedService(): ServiceSnapshot {
  const saturated = { code: 'saturated', database: 'orders', subject: undefined, isCritical: true };
  const trend = {
    windowMs: 61_000,
    utilisation: 0.98,
    acquired: 300,
    timeouts: 0,
    acquireMs: 12,
    usualAcquireMs: undefined,
    calls: 320,
    errors: { HIVEDB_E_SQL: 4 },
    opened: 2,
    closed: { invalid: 2 },
  };
  return serviceSnapshot({
    trend: {
      openedAt: Date.UTC(2026, 10, 21, 11),
      raised: [{ ...saturated, sinceMs: 3_420_000, lastOverMs: 3_600_000 }],
      stalledMs: 0,
      longestStallMs: 0,
      deprecated: [],
    },
    databases: [databaseSnapshot({ thresholds: DEFAULT_DATABASE_THRESHOLDS, trend, pool: { leased: 4, idle: 0 } })],
  });
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
        leaks: { suspects: 1, suspected: 1, returnedLate: 0, collected: 2, collectedAgoMs: 1_800_000 },
        leases: [
          {
            id: 1,
            resourceId: 1,
            owner: 'nightly import',
            ageMs: 41_200,
            idleMs: 41_200,
            suspect: true,
            acquiredAt: 'import.ts:12:3',
            allowedMs: undefined,
            use: 'write',
          },
          {
            id: 2,
            resourceId: 2,
            owner: 'list orders',
            ageMs: 3,
            idleMs: 3,
            suspect: false,
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

/** A process with a database that is not written, has no turns and a long log, and with a thread that is lost. */
export function troubledService(): ServiceSnapshot {
  const statement = 'SELECT sum(amount) FROM orders, stock';
  const counters = { done: 50, failed: 2, released: 1, refused: 3, crashes: 0, busyMs: 9_000 };
  return serviceSnapshot({
    databases: [
      databaseSnapshot({
        status: 'fenced',
        failure: { code: 'HIVEDB_E_IO', message: 'orders: disk I/O error' },
        repair: {
          sinceMs: 41_200,
          attempts: 2,
          phase: 'waiting',
          nextAttemptMs: 3_100,
          found: 'the disk does not answer',
          damaged: false,
        },
        refused: { code: 'HIVEDB_E_DISK_FULL', message: 'orders: full', count: 53, sinceMs: 4_200 },
        checkpoints: {
          by: 'thread',
          frames: 4_711,
          backfilledFrames: 12,
          silentMs: 4_000,
          last: { mode: 'passive', msAgo: 5_000, ms: 3 },
          pinned: { frames: 4_699, forMs: 41_200, readers: [{ pid: 13_184, command: 'python3 report.py' }] },
          failure: { code: 'HIVEDB_E_DISK_FULL', message: 'orders: full' },
          counters: { passive: 12, restart: 1, elsewhere: 4, blocked: 9, pauses: 1, failures: 2 },
        },
        turns: {
          mode: 'polling',
          reason: 'the arbiter cannot be reached: EACCES',
          waiting: 2,
          oldestWaitMs: 1_200,
          heldMs: 3,
          granted: 7,
          polled: 812,
          polledAgoMs: 2_100,
        },
        lane: {
          work: {
            groups: 100,
            members: 420,
            commitTime: {
              count: 100,
              sumMs: 900,
              maxMs: 95,
              buckets: [
                { leMs: 1.5, count: 60 },
                { leMs: 96, count: 40 },
              ],
            },
            lateCommitMs: 12.5,
          },
        },
      }),
    ],
    offload: {
      threads: {
        limit: 2,
        live: 3,
        busy: 2,
        stuck: 1,
        queued: 3,
        oldestWaitMs: 1_200,
        counters,
        running: [
          { database: 'orders', label: 'yearly sums', statement, runningMs: 41_200, stuck: true, pid: undefined },
          { database: 'orders', label: 'list', statement, runningMs: 2, stuck: false, pid: undefined },
        ],
      },
      processes: {
        ...IDLE_CREW,
        live: 1,
        busy: 1,
        running: [{ database: 'orders', label: 'list', statement, runningMs: 2, stuck: false, pid: 99 }],
      },
    },
  });
}

/** An open SQLite database with four readers, one of them in use. */
export function databaseSnapshot(changes: DatabaseChanges = {}): DatabaseSnapshot {
  const { pool = {}, lane = {}, counters = {}, ...rest } = changes;
  return {
    ...unusedDatabase,
    name: 'orders',
    required: false,
    thresholds: undefined,
    trend: undefined,
    durability: 'full',
    path: '/srv/orders.db',
    fileBytes: 1_048_576,
    walBytes: 32_768,
    checkpoints: undefined,
    statements: [],
    turns: undefined,
    ...rest,
    pool: poolStats(pool),
    lane: { ...unusedDatabase.lane, ...lane },
    counters: { ...unusedDatabase.counters, reads: 1_800, writes: 90, transactions: 30, sessions: 1, ...counters },
  };
}

function poolStats({ counters = {}, ...changes }: NonNullable<DatabaseChanges['pool']>): Pool {
  const unused = unusedDatabase.pool;
  return {
    ...unused,
    name: 'orders',
    size: 4,
    maxOverflow: 0,
    live: 2,
    leased: 1,
    idle: 1,
    oldestLeaseMs: 3,
    ...changes,
    counters: { ...unused.counters, immediate: 100, created: 2, validations: 5, ...counters },
  };
}

/** Tenants of which one waits for a place. */
export function tenantPattern(): OnDemandSnapshot {
  return {
    pattern: 'tenant-*',
    mostOpen: 50,
    open: 50,
    inUse: 50,
    waiting: 2,
    oldestWaitMs: 1_250,
    opened: 340,
    evicted: 290,
  };
}
