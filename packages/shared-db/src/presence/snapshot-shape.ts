import type { DestroyReason, HistogramSnapshot, PoolStats } from '@hive/pool';
import { ERROR_CODES, type DatabaseErrorCode } from '../errors.ts';
import type { DatabaseThresholds } from '../health/thresholds.ts';
import type { DatabaseTrend, ServiceTrend } from '../health/trend.ts';
import type {
  CheckpointSnapshot,
  ConnectionUse,
  DatabaseSnapshot,
  LeaseSnapshot,
  OffloadCrewSnapshot,
  ServiceSnapshot,
  WaiterSnapshot,
} from '../snapshot.ts';
import type { Shape } from './shape.ts';

const histogram: Shape<HistogramSnapshot> = {
  fields: {
    count: 'number',
    sumMs: 'number',
    maxMs: 'number',
    buckets: { each: { fields: { leMs: 'number', count: 'number' } } },
  },
};

const destroyed = {
  idle: 'number',
  lifetime: 'number',
  overflow: 'number',
  invalid: 'number',
  condemned: 'number',
  'reset-failed': 'number',
  caller: 'number',
  collected: 'number',
  flushed: 'number',
  late: 'number',
  closed: 'number',
} as const satisfies Readonly<Record<DestroyReason, 'number'>>;

const pool: Shape<PoolStats> = {
  fields: {
    name: 'string',
    status: { oneOf: { open: true, suspended: true, closing: true, closed: true } },
    size: 'number',
    maxOverflow: 'number',
    minIdle: 'number',
    live: 'number',
    leased: 'number',
    idle: 'number',
    creating: 'number',
    validating: 'number',
    resetting: 'number',
    closing: 'number',
    abandoned: 'number',
    waiting: 'number',
    oldestWaitMs: 'number',
    oldestLeaseMs: 'number',
    suspects: 'number',
    collectedAgoMs: { optional: 'number' },
    generation: 'number',
    budgets: {
      optional: {
        each: {
          fields: {
            name: 'string',
            reserved: 'number',
            max: 'number',
            weight: 'number',
            leased: 'number',
            waiting: 'number',
            oldestWaitMs: 'number',
            counters: { fields: { granted: 'number', waited: 'number', timeouts: 'number' } },
          },
        },
      },
    },
    sharedLimit: { optional: { fields: { most: 'number', live: 'number' } } },
    counters: {
      fields: {
        immediate: 'number',
        waited: 'number',
        timeouts: 'number',
        aborted: 'number',
        overloaded: 'number',
        created: 'number',
        createFailures: 'number',
        destroyed: { fields: destroyed },
        validations: 'number',
        validationFailures: 'number',
        staleReleases: 'number',
        revoked: 'number',
        suspected: 'number',
        returnedLate: 'number',
        collected: 'number',
        observerErrors: 'number',
      },
    },
    waitTime: histogram,
    useTime: histogram,
    createTime: histogram,
  },
};

const use: Shape<ConnectionUse> = { oneOf: { read: true, write: true, any: true } };
const useOfLease: Shape<LeaseSnapshot['use']> = { oneOf: { ...use.oneOf, session: true } };

const lease: Shape<LeaseSnapshot> = {
  fields: {
    id: 'number',
    resourceId: 'number',
    owner: { optional: 'string' },
    budget: { optional: 'string' },
    ageMs: 'number',
    idleMs: 'number',
    suspect: 'boolean',
    acquiredAt: { optional: 'string' },
    allowedMs: { optional: 'number' },
    use: useOfLease,
  },
};

const waiter: Shape<WaiterSnapshot> = {
  fields: { owner: { optional: 'string' }, budget: { optional: 'string' }, waitMs: 'number', use },
};

const errorCodes = Object.fromEntries(ERROR_CODES.map((kind) => [`HIVEDB_E_${kind}`, true])) as Readonly<
  Record<DatabaseErrorCode, true>
>;

const thresholds: Shape<DatabaseThresholds> = {
  fields: {
    utilisationWarn: 'number',
    utilisationCritical: 'number',
    failWhenSaturated: 'boolean',
    oldestWaitMs: 'number',
    timeoutShare: 'number',
    acquireFactor: 'number',
    acquireFloorMs: 'number',
    errorShare: 'number',
    recyclesPerMinute: 'number',
    leaseMs: 'number',
    suspectedLeaks: 'number',
    walBytes: 'number',
    slowStatementMs: 'number',
  },
};

const trend: Shape<DatabaseTrend> = {
  fields: {
    windowMs: 'number',
    utilisation: 'number',
    acquired: 'number',
    timeouts: 'number',
    acquireMs: { optional: 'number' },
    usualAcquireMs: { optional: 'number' },
    calls: 'number',
    errors: { numbers: errorCodes },
    opened: 'number',
    closed: {
      numbers: Object.fromEntries(Object.keys(destroyed).map((reason) => [reason, true])) as Readonly<
        Record<DestroyReason, true>
      >,
    },
  },
};

const serviceTrend: Shape<ServiceTrend> = {
  fields: {
    openedAt: 'number',
    raised: {
      each: {
        fields: {
          code: 'string',
          database: { optional: 'string' },
          subject: { optional: 'string' },
          sinceMs: 'number',
          lastOverMs: 'number',
          isCritical: 'boolean',
        },
      },
    },
    stalledMs: 'number',
    longestStallMs: 'number',
    deprecated: { each: { fields: { code: 'string', calledMs: 'number' } } },
  },
};

const checkpoints: Shape<CheckpointSnapshot> = {
  fields: {
    by: { oneOf: { thread: true, sqlite: true } },
    frames: { optional: 'number' },
    backfilledFrames: { optional: 'number' },
    silentMs: 'number',
    last: {
      optional: { fields: { mode: { oneOf: { passive: true, restart: true } }, msAgo: 'number', ms: 'number' } },
    },
    pinned: {
      optional: {
        fields: {
          frames: 'number',
          forMs: 'number',
          readers: { each: { fields: { pid: 'number', command: 'string' } } },
        },
      },
    },
    failure: { optional: { fields: { code: 'string', message: 'string' } } },
    counters: {
      fields: {
        passive: 'number',
        restart: 'number',
        elsewhere: 'number',
        blocked: 'number',
        pauses: 'number',
        failures: 'number',
      },
    },
  },
};

const database: Shape<DatabaseSnapshot> = {
  fields: {
    name: 'string',
    driver: 'string',
    status: { oneOf: { opening: true, open: true, fenced: true, failed: true, closed: true } },
    required: 'boolean',
    failure: { optional: { fields: { code: 'string', message: 'string' } } },
    repair: {
      optional: {
        fields: {
          sinceMs: 'number',
          attempts: 'number',
          phase: { oneOf: { waiting: true, verifying: true, elsewhere: true, displaced: true } },
          nextAttemptMs: { optional: 'number' },
          found: { optional: 'string' },
          damaged: 'boolean',
        },
      },
    },
    refused: {
      optional: { fields: { code: 'string', message: 'string', count: 'number', sinceMs: 'number' } },
    },
    durability: { optional: 'string' },
    path: { optional: 'string' },
    fileBytes: { optional: 'number' },
    walBytes: { optional: 'number' },
    checkpoints: { optional: checkpoints },
    pool,
    limits: {
      optional: {
        fields: {
          acquireTimeoutMs: 'number',
          recycleMs: 'number',
          server: {
            optional: {
              fields: { name: 'string', maxConnections: { optional: 'number' }, idleLimitMs: { optional: 'number' } },
            },
          },
        },
      },
    },
    thresholds: { optional: thresholds },
    trend: { optional: trend },
    lane: {
      fields: {
        waiting: 'number',
        running: 'number',
        oldestWaitMs: 'number',
        writer: {
          optional: {
            fields: {
              label: 'string',
              heldMs: 'number',
              lockedMs: { optional: 'number' },
              changedMs: { optional: 'number' },
            },
          },
        },
        work: {
          fields: { groups: 'number', members: 'number', commitTime: histogram, lateCommitMs: { optional: 'number' } },
        },
      },
    },
    turns: {
      optional: {
        fields: {
          mode: { oneOf: { alone: true, arbiter: true, polling: true } },
          reason: { optional: 'string' },
          waiting: 'number',
          oldestWaitMs: 'number',
          heldMs: { optional: 'number' },
          granted: 'number',
          polled: 'number',
          polledAgoMs: { optional: 'number' },
        },
      },
    },
    counters: {
      fields: {
        reads: 'number',
        synchronousReads: 'number',
        writes: 'number',
        transactions: 'number',
        sessions: 'number',
        offloads: 'number',
        rolledBack: 'number',
        transactionsLeftOpen: 'number',
        sessionsExpired: 'number',
        busy: 'number',
        errors: { numbers: errorCodes },
      },
    },
    leases: { each: lease },
    leaks: {
      fields: {
        suspects: 'number',
        suspected: 'number',
        returnedLate: 'number',
        collected: 'number',
        collectedAgoMs: { optional: 'number' },
      },
    },
    waiters: { each: waiter },
    statements: { each: { fields: { statement: 'string', runs: 'number', sumMs: 'number', maxMs: 'number' } } },
    slowStatements: {
      each: { fields: { statement: 'string', label: { optional: 'string' }, ms: 'number', at: 'number' } },
    },
    slowRuns: 'number',
  },
};

const crew: Shape<OffloadCrewSnapshot> = {
  fields: {
    limit: 'number',
    live: 'number',
    busy: 'number',
    stuck: 'number',
    queued: 'number',
    oldestWaitMs: 'number',
    counters: {
      fields: {
        done: 'number',
        failed: 'number',
        released: 'number',
        refused: 'number',
        crashes: 'number',
        busyMs: 'number',
      },
    },
    running: {
      each: {
        fields: {
          database: 'string',
          label: 'string',
          statement: 'string',
          runningMs: 'number',
          stuck: 'boolean',
          pid: { optional: 'number' },
        },
      },
    },
  },
};

/** The form of a snapshot on the wire. */
export const snapshotShape: Shape<ServiceSnapshot> = {
  fields: {
    app: 'string',
    pid: 'number',
    takenAt: 'number',
    startedAt: 'number',
    uptimeMs: 'number',
    closing: 'boolean',
    eventLoop: { fields: { blockedMs: 'number', label: { optional: 'string' }, statement: { optional: 'string' } } },
    http: { optional: { fields: { host: 'string', port: 'number' } } },
    settingsFault: { optional: 'string' },
    settings: { optional: { each: { fields: { key: 'string', value: 'string', origin: 'string' } } } },
    // Those of an earlier version have no more than these.
    thresholds: {
      fields: {
        utilisationWarn: 'number',
        utilisationCritical: 'number',
        failWhenSaturated: 'boolean',
        oldestWaitMs: 'number',
        timeoutShare: 'number',
        acquireFactor: { optional: 'number' },
        acquireFloorMs: { optional: 'number' },
        errorShare: { optional: 'number' },
        recyclesPerMinute: { optional: 'number' },
        leaseMs: 'number',
        suspectedLeaks: { optional: 'number' },
        walBytes: 'number',
        slowStatementMs: 'number',
        blockedShare: { optional: 'number' },
        warnWhenDeprecated: 'boolean',
      },
    },
    trend: { optional: serviceTrend },
    databases: { each: database },
    onDemand: {
      optional: {
        each: {
          fields: {
            pattern: 'string',
            mostOpen: 'number',
            size: { optional: 'number' },
            maxOverflow: { optional: 'number' },
            open: 'number',
            inUse: 'number',
            waiting: 'number',
            oldestWaitMs: 'number',
            opened: 'number',
            evicted: 'number',
            fenced: { optional: { each: 'string' } },
          },
        },
      },
    },
    offload: { fields: { threads: crew, processes: crew } },
    labels: {
      each: {
        fields: {
          label: 'string',
          calls: 'number',
          failures: 'number',
          sumMs: 'number',
          maxMs: 'number',
          callSite: { optional: 'string' },
        },
      },
    },
    fallbacks: { each: { fields: { database: 'string', reason: 'string' } } },
    deprecations: {
      each: { fields: { code: 'string', replacement: 'string', calls: 'number', callSites: { each: 'string' } } },
    },
    warnings: { each: 'string' },
  },
};
