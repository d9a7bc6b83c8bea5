import type { DatabaseSnapshot, ServiceSnapshot } from '@hive/shared-db';
import type { ProcessEvidence } from '../../dist/analysis/advice.js';
import { exportOf } from '../../dist/documents/export.js';
import type { ExportedProcess } from '../../dist/documents/exported-process.js';
import { recordingOf, type RecordedProcess } from '../../dist/documents/recording.js';
import { recording } from './recordings.ts';
import { databaseSnapshot, serviceSnapshot } from './snapshots.ts';

type Histogram = DatabaseSnapshot['pool']['useTime'];

/** What a pool went through. Without more, nobody waited. */
export interface PoolHistory {
  readonly size: number;
  readonly maxOverflow?: number;
  readonly arrivals: number;
  readonly useMs: number;
  readonly waited?: number;
  readonly waitMs?: number;
  readonly timeouts?: number;
  readonly aborted?: number;
  readonly created?: number;
}

/** So many durations, all alike. */
function alike(count: number, ms: number): Histogram {
  return { count, sumMs: count * ms, maxMs: ms, buckets: count === 0 ? [] : [{ leMs: ms, count }] };
}

/** A database with such a pool, of a server unless it is said to be a file. Nobody has a connection now. */
export function databaseWith(history: PoolHistory, changes: Partial<DatabaseSnapshot> = {}): DatabaseSnapshot {
  const {
    size,
    maxOverflow = 0,
    arrivals,
    useMs,
    waited = 0,
    waitMs = 0,
    timeouts = 0,
    aborted = 0,
    created = size,
  } = history;
  return databaseSnapshot({
    driver: 'postgres',
    path: undefined,
    ...changes,
    leases: [],
    pool: {
      size,
      maxOverflow,
      leased: 0,
      idle: Math.min(created, size),
      counters: { immediate: arrivals - waited, waited: waited - timeouts, timeouts, aborted, created },
      useTime: alike(arrivals - timeouts, useMs),
      waitTime: alike(waited, waitMs),
    },
  });
}

/** What a process says of itself, as an export has it. It has run for an hour unless it is said. */
export function exported(
  databases: readonly DatabaseSnapshot[],
  changes: Partial<ServiceSnapshot> = {},
): ExportedProcess {
  const snapshot = serviceSnapshot({ ...changes, databases });
  const [process] = exportOf({
    directory: '/run',
    answered: [{ pid: snapshot.pid, snapshot }],
    unreachable: [],
  }).processes;
  return process!;
}

/** Ten minutes in which so many were in use at each second, and open. */
export function recorded(inUse: readonly number[], open: number, name = 'orders'): RecordedProcess {
  const steps = Array.from({ length: 600 }, (_, step) => inUse[step % inUse.length] ?? 0);
  const one = recording(
    steps.map(() => 0),
    { poolInUse: steps, poolIdle: steps.map((used) => open - used) },
  );
  const [process] = recordingOf({
    directory: '/run',
    answered: [{ pid: one.pid, recording: { ...one, databases: one.databases.map((each) => ({ ...each, name })) } }],
    unreachable: [],
  }).processes;
  return process!;
}

/** One process, looked at once. */
export function evidenceOf(
  databases: readonly DatabaseSnapshot[],
  more: Partial<ProcessEvidence> = {},
  changes: Partial<ServiceSnapshot> = {},
): ProcessEvidence {
  return { now: exported(databases, changes), earlier: undefined, recording: undefined, descriptors: null, ...more };
}
