import type { HistogramSnapshot, LeaseInfo, PoolStats, WaiterInfo } from '@hive/pool';
import type { DatabaseSnapshot, ServiceSnapshot } from '../snapshot.ts';
import type { Shape } from './shape.ts';

const histogram: Shape<HistogramSnapshot> = {
  fields: {
    count: 'number',
    sumMs: 'number',
    maxMs: 'number',
    buckets: { each: { fields: { leMs: 'number', count: 'number' } } },
  },
};

const pool: Shape<PoolStats> = {
  fields: {
    name: 'string',
    status: 'string',
    size: 'number',
    maxOverflow: 'number',
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
    generation: 'number',
    counters: {
      fields: {
        immediate: 'number',
        waited: 'number',
        timeouts: 'number',
        aborted: 'number',
        overloaded: 'number',
        created: 'number',
        createFailures: 'number',
        destroyed: { values: 'number' },
        validations: 'number',
        validationFailures: 'number',
        staleReleases: 'number',
        revoked: 'number',
        collected: 'number',
        observerErrors: 'number',
      },
    },
    waitTime: histogram,
    useTime: histogram,
    createTime: histogram,
  },
};

const lease: Shape<LeaseInfo> = {
  fields: {
    id: 'number',
    resourceId: 'number',
    owner: { optional: 'string' },
    ageMs: 'number',
    acquiredAt: { optional: 'string' },
  },
};

const waiter: Shape<WaiterInfo> = { fields: { owner: { optional: 'string' }, waitMs: 'number' } };

const database: Shape<DatabaseSnapshot> = {
  fields: {
    name: 'string',
    driver: 'string',
    status: 'string',
    required: 'boolean',
    failure: { optional: { fields: { code: 'string', message: 'string' } } },
    durability: { optional: 'string' },
    path: { optional: 'string' },
    fileBytes: { optional: 'number' },
    walBytes: { optional: 'number' },
    pool,
    lane: { fields: { waiting: 'number', running: 'number', oldestWaitMs: 'number' } },
    counters: {
      fields: {
        reads: 'number',
        synchronousReads: 'number',
        writes: 'number',
        transactions: 'number',
        sessions: 'number',
        rolledBack: 'number',
        busy: 'number',
        errors: { values: 'number' },
      },
    },
    leases: { each: lease },
    waiters: { each: waiter },
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
    databases: { each: database },
    labels: { each: { fields: { label: 'string', calls: 'number', failures: 'number' } } },
    fallbacks: { each: { fields: { database: 'string', reason: 'string' } } },
    deprecations: {
      each: { fields: { code: 'string', replacement: 'string', calls: 'number', callSites: { each: 'string' } } },
    },
    warnings: { each: 'string' },
  },
};
