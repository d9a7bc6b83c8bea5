import type { DestroyReason } from '@hive/pool';
import { quantileMs, type HistogramSnapshot } from '@hive/pool/histogram';
import type { DatabaseErrorCode } from '../errors.ts';
import type { DatabaseSnapshot } from '../snapshot.ts';
import type { DatabaseTrend } from './trend.ts';

/** Over how long is counted: a bad moment is forgotten after it. */
const WINDOW_MS = 60_000;
/** Use of the pool is told for a shorter time: it is a mean, and quiet by itself. */
const USE_MS = 15_000;
/** How often the counters are kept: the window is longer by so much at most. */
const MARK_EVERY_MS = 5_000;
/** Of fewer acquisitions one in a hundred says nothing. */
const ENOUGH = 100;
/** How many minutes say what is usual, and how many at least. Who is slow for longer than half of that is so usually. */
const MOST_MINUTES = 60;
const FEWEST_MINUTES = 5;

/** All counters of a database at one moment. They only grow. */
interface Mark {
  /** On the clock of the service: its uptime. */
  readonly at: number;
  /** For how long all its connections would have had to be in use, to be in use as much as they were. */
  readonly usedMs: number;
  /** For how long somebody has looked: use that nobody saw is not known. */
  readonly lookedMs: number;
  readonly acquired: number;
  readonly timeouts: number;
  readonly calls: number;
  readonly opened: number;
  readonly errors: Readonly<Partial<Record<DatabaseErrorCode, number>>>;
  readonly closed: Readonly<Partial<Record<DestroyReason, number>>>;
  readonly waits: HistogramSnapshot;
}

/** What is remembered of a database: some fourteen marks, and sixty numbers. */
export interface WindowState {
  /** Oldest first. The first is the last one that is a whole window old, where there is one. */
  readonly marks: readonly Mark[];
  readonly latest: Mark;
  /** Where the minute began that is counted now, and what one acquisition in a hundred took in those before. */
  readonly minute: Mark;
  readonly minutes: readonly number[];
}

/**
 * One look more at the counters of a database. Pure.
 *
 * @param now the uptime of its service
 * @param lookedMs for how long what is seen now stands
 */
export function stepWindow(
  before: WindowState | undefined,
  database: DatabaseSnapshot,
  { now, lookedMs }: { readonly now: number; readonly lookedMs: number },
): WindowState {
  const limit = database.pool.size + database.pool.maxOverflow;
  const share = limit > 0 ? database.pool.leased / limit : 0;
  const { usedMs, lookedMs: beforeMs } = before?.latest ?? { usedMs: 0, lookedMs: 0 };
  const latest = markOf(database, now, { usedMs: usedMs + share * lookedMs, lookedMs: beforeMs + lookedMs });
  if (before === undefined) return { marks: [latest], latest, minute: latest, minutes: [] };
  return { marks: marksAfter(before.marks, latest), latest, ...minutesAfter(before, latest) };
}

function marksAfter(marks: readonly Mark[], latest: Mark): readonly Mark[] {
  const newest = marks.at(-1);
  const all = newest === undefined || latest.at - newest.at >= MARK_EVERY_MS ? [...marks, latest] : marks;
  const first = all.findLastIndex(({ at }) => at <= latest.at - WINDOW_MS);
  return first > 0 ? all.slice(first) : all;
}

function minutesAfter({ minute, minutes }: WindowState, latest: Mark): Pick<WindowState, 'minute' | 'minutes'> {
  if (latest.at - minute.at < WINDOW_MS) return { minute, minutes };
  const acquireMs = lateMs(minute, latest);
  return {
    minute: latest,
    minutes: acquireMs === undefined ? minutes : [...minutes, acquireMs].slice(-MOST_MINUTES),
  };
}

function markOf({ pool, counters }: DatabaseSnapshot, at: number, looked: Pick<Mark, 'usedMs' | 'lookedMs'>): Mark {
  const { immediate, waited, timeouts, created, destroyed } = pool.counters;
  const { reads, synchronousReads, writes, transactions, sessions, offloads, errors } = counters;
  return {
    at,
    ...looked,
    acquired: immediate + waited,
    timeouts,
    calls: reads + synchronousReads + writes + transactions + sessions + offloads,
    opened: created,
    errors,
    closed: destroyed,
    waits: pool.waitTime,
  };
}

/** What a window shows: differences of counters, and two means. Pure. */
export function trendOf({ marks, latest, minutes }: WindowState): DatabaseTrend {
  const [from = latest] = marks;
  const usedFrom = marks.findLast(({ lookedMs }) => lookedMs <= latest.lookedMs - USE_MS) ?? from;
  return Object.freeze({
    windowMs: latest.at - from.at,
    utilisation: (latest.usedMs - usedFrom.usedMs) / Math.max(USE_MS, latest.lookedMs - usedFrom.lookedMs),
    acquired: grown(from.acquired, latest.acquired),
    timeouts: grown(from.timeouts, latest.timeouts),
    acquireMs: lateMs(from, latest),
    usualAcquireMs: minutes.length < FEWEST_MINUTES ? undefined : median(minutes),
    calls: grown(from.calls, latest.calls),
    errors: grownOf(from.errors, latest.errors),
    opened: grown(from.opened, latest.opened),
    closed: grownOf(from.closed, latest.closed),
  });
}

/** Nothing where a counter has begun anew. */
function grown(from: number, to: number): number {
  return Math.max(0, to - from);
}

function grownOf<K extends string>(
  from: Readonly<Partial<Record<K, number>>>,
  to: Readonly<Partial<Record<K, number>>>,
): Readonly<Partial<Record<K, number>>> {
  const counts: Partial<Record<K, number>> = {};
  for (const key of Object.keys(to) as K[]) {
    const count = grown(from[key] ?? 0, to[key] ?? 0);
    if (count > 0) counts[key] = count;
  }
  return Object.freeze(counts);
}

/** What one acquisition in a hundred took at least, between two marks. */
function lateMs(from: Mark, to: Mark): number | undefined {
  const count = grown(from.waits.count, to.waits.count);
  if (count < ENOUGH) return undefined;
  const before = new Map(from.waits.buckets.map((bucket) => [bucket.leMs, bucket.count]));
  const buckets = to.waits.buckets.map(({ leMs, count: all }) => ({ leMs, count: grown(before.get(leMs) ?? 0, all) }));
  return quantileMs({ count, sumMs: 0, maxMs: to.waits.maxMs, buckets }, 0.99);
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
