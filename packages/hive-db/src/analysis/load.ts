import { quantileMs, type HistogramSnapshot } from '@hive/shared-db/health';
import type { ExportedDatabase } from '../documents/exported-database.ts';
import type { ExportedHistogram } from '../documents/exported-histogram.ts';
import type { RecordedDatabase, RecordedProcess } from '../documents/recording.ts';

/** What one database was asked for over some time, and what that cost. What cannot be known is null. */
export interface Load {
  readonly window_seconds: number;
  /** Whether the time goes back to the start of the process, or to an earlier look. */
  readonly since: 'start' | 'earlier-look';
  /** Callers who wanted a connection, those who got none in time and those who still wait among them. */
  readonly arrivals: number;
  /** By how many the queue has grown since the beginning: they came, and nothing has counted them yet. Negative where it has shrunk, but for those who gave up. */
  readonly queue_growth: number;
  readonly arrivals_per_second: number | null;
  /** For how long one had its connection, on average. */
  readonly use_seconds: number | null;
  /** Little's law: arrivals a second x seconds in use. */
  readonly busy_connections: number | null;
  readonly waited: number;
  readonly waited_ratio: number | null;
  /** How many callers waited at a time, on average. */
  readonly waiting_callers: number | null;
  /** What one in twenty waited at least. */
  readonly acquire_p95_seconds: number | null;
  readonly use_p95_seconds: number | null;
  readonly timeouts: number;
  /** Callers who gave up before the pool did. */
  readonly gave_up: number;
  readonly connections_opened: number;
  /** For how long it was recorded, second by second; 0 where it was not. */
  readonly recorded_seconds: number;
  /** The most that were in use at one of these seconds: there may have been more between two. */
  readonly peak_in_use: number | null;
  /** The most that were open at one of them: connections stay open, so no more can have been in use. */
  readonly peak_open: number | null;
}

/** What was seen of one database: now, at an earlier look, and in a recording of its process. */
export interface Looks {
  readonly now: ExportedDatabase;
  readonly earlier: ExportedDatabase | undefined;
  readonly windowSeconds: number;
  readonly recording: RecordedProcess | undefined;
}

/** Measures the load of a database. Pure. */
export function loadOf({ now, earlier, windowSeconds, recording }: Looks): Load {
  const counted = (key: string): number => Math.max(0, countOf(now, key) - (earlier ? countOf(earlier, key) : 0));
  const leases = counted('immediate') + counted('waited');
  const timeouts = counted('timeouts');
  const gaveUp = counted('aborted');
  // Who is served had come, but perhaps before: at the beginning he was in the queue.
  const growth = now.pool.waiting - (earlier?.pool.waiting ?? 0);
  // A queue is also shorter by those who gave up, who are not among the served and so not to be taken from them.
  const queueGrowth = growth < 0 ? Math.min(0, growth + gaveUp) : growth;
  const arrivals = Math.max(0, leases + timeouts + queueGrowth);
  const waited = Math.max(0, counted('waited') + timeouts + queueGrowth);
  const uses = difference(now.pool.use_time, earlier?.pool.use_time);
  const waits = difference(now.pool.acquire_time, earlier?.pool.acquire_time);
  const perSecond = (number: number): number | null => (windowSeconds > 0 ? number / windowSeconds : null);
  const useSeconds = leases > 0 ? usedSeconds({ now, earlier, uses, leases }) / leases : null;
  const arrivalsPerSecond = perSecond(arrivals);
  return {
    window_seconds: windowSeconds,
    since: earlier === undefined ? 'start' : 'earlier-look',
    arrivals,
    queue_growth: queueGrowth,
    arrivals_per_second: arrivalsPerSecond,
    use_seconds: useSeconds,
    busy_connections: useSeconds === null || arrivalsPerSecond === null ? null : arrivalsPerSecond * useSeconds,
    waited,
    waited_ratio: arrivals > 0 ? waited / arrivals : null,
    waiting_callers: perSecond(
      Math.max(0, waits.sum_seconds + queuedSeconds(now) - (earlier === undefined ? 0 : queuedSeconds(earlier))),
    ),
    acquire_p95_seconds: p95(waits),
    use_p95_seconds: p95(uses),
    timeouts,
    gave_up: gaveUp,
    connections_opened: counted('created'),
    ...peaksOf(now, recording),
  };
}

/**
 * Connection-seconds of the window: uses that ended in it, and of those that go on what lies in it. Exact where every use is timed, as
 * in a service; where one in some is, it stands for the others.
 */
function usedSeconds({
  now,
  earlier,
  uses,
  leases,
}: Pick<Looks, 'now' | 'earlier'> & { readonly uses: ExportedHistogram; readonly leases: number }): number {
  const ended = leases + (earlier?.pool.in_use ?? 0) - now.pool.in_use;
  const untimed = uses.count > 0 ? Math.max(1, ended / uses.count) : 1;
  return Math.max(
    0,
    uses.sum_seconds * untimed + heldSeconds(now) - (earlier === undefined ? 0 : heldSeconds(earlier)),
  );
}

/** For how long those have had their connections who have one. The writer of a file is none of the pool's. */
function heldSeconds({ leases }: ExportedDatabase): number {
  return leases.filter(({ use }) => use !== 'write').reduce((sum, { age_seconds: age }) => sum + age, 0);
}

/** For how long those have waited who wait now, but for the writer of a file. */
function queuedSeconds({ waiters }: ExportedDatabase): number {
  return waiters.filter(({ use }) => use !== 'write').reduce((sum, { wait_seconds: wait }) => sum + wait, 0);
}

function countOf({ pool: { counters } }: ExportedDatabase, key: string): number {
  return Object.hasOwn(counters, key) ? (counters[key] ?? 0) : 0;
}

/** What a histogram has counted since an earlier picture of it. One that began anew has counted everything since. */
function difference(now: ExportedHistogram, earlier: ExportedHistogram | undefined): ExportedHistogram {
  if (earlier === undefined || now.count < earlier.count) return now;
  const before = new Map(earlier.buckets.map((bucket) => [bucket.le_seconds, bucket.count]));
  const buckets = now.buckets
    .map((bucket) => ({ ...bucket, count: bucket.count - (before.get(bucket.le_seconds) ?? 0) }))
    .filter(({ count }) => count > 0);
  return {
    count: now.count - earlier.count,
    sum_seconds: now.sum_seconds - earlier.sum_seconds,
    max_seconds: now.max_seconds,
    buckets,
  };
}

function p95({ count, sum_seconds, max_seconds, buckets }: ExportedHistogram): number | null {
  if (count <= 0) return null;
  const histogram: HistogramSnapshot = {
    count,
    sumMs: sum_seconds * 1_000,
    maxMs: max_seconds * 1_000,
    buckets: buckets.map((bucket) => ({ leMs: bucket.le_seconds * 1_000, count: bucket.count })),
  };
  return quantileMs(histogram, 0.95) / 1_000;
}

function peaksOf(
  { name, pool }: ExportedDatabase,
  recording: RecordedProcess | undefined,
): Pick<Load, 'recorded_seconds' | 'peak_in_use' | 'peak_open'> {
  const database = recording?.databases.find((one) => one.name === name);
  if (recording === undefined || database === undefined)
    return { recorded_seconds: 0, peak_in_use: null, peak_open: null };
  const known = database.pool_in_use.filter((value) => value !== null);
  if (known.length === 0) return { recorded_seconds: 0, peak_in_use: null, peak_open: null };
  return {
    recorded_seconds: known.length * recording.step_seconds,
    peak_in_use: highest(known, pool.in_use),
    peak_open: highest(openAt(database), pool.in_use + pool.idle),
  };
}

function openAt({ pool_in_use: used, pool_idle: idle }: RecordedDatabase): readonly number[] {
  return used.map((value, step) => (value ?? 0) + (idle[step] ?? 0));
}

// A column may have 900 values, and one of a file as many as it likes: no spreading.
function highest(values: readonly number[], least: number): number {
  return values.reduce((most, value) => Math.max(most, value), least);
}
