import type { PoolStats } from '@hive/pool';
import type { Growth } from './process-gauge.ts';
import type { Work } from './workers.ts';

const MEBIBYTE = 1024 * 1024;
/** What a heap may have become larger by, without anything being leaked: compiled code, histograms. */
const MOST_HEAP = MEBIBYTE;
/** The same of a process: what the allocator keeps. */
const MOST_RESIDENT = 24 * MEBIBYTE;
/** A connection has three, and one of the pool's may be closed at the moment. */
const MOST_DESCRIPTORS = 6;

/** What is there when a soak has come to its end. */
export interface SoakOutcome {
  readonly work: Work;
  readonly growth: Growth;
  readonly pool: PoolStats;
  /** How many writes there are in the file. */
  readonly writes: number;
}

/** The first promise that was broken, in a sentence; undefined when all were kept. */
export function brokenPromise({ work, growth, pool, writes }: SoakOutcome): string | undefined {
  const { failures, surprises, leaked, overdue, takenBack, written } = work;
  const owed = leaked + overdue;
  const { leased, waiting, idle, live } = pool;
  const broken: readonly (readonly [boolean, string])[] = [
    [failures.length > 0, `${failures.length} well-behaved callers failed, the first because ${failures[0]}`],
    [surprises.length > 0, `${surprises.length} callers were told wrongly, the first ${surprises[0]}`],
    [takenBack !== owed, `${takenBack} sessions were taken back of ${owed} that were leaked or overdue`],
    [leased > 0 || waiting > 0, `${leased} connections are in use and ${waiting} callers wait when all is over`],
    [idle !== live, `of ${live} connections ${idle} are idle when all is over`],
    [writes !== written, `${written} writes were acknowledged, ${writes} are there`],
    [growth.heapBytes > MOST_HEAP, `the heap has grown by ${inMebibytes(growth.heapBytes)}`],
    [growth.residentBytes > MOST_RESIDENT, `the process has grown by ${inMebibytes(growth.residentBytes)}`],
    [growth.descriptors > MOST_DESCRIPTORS, `${growth.descriptors} more descriptors are open`],
  ];
  return broken.find(([isBroken]) => isBroken)?.[1];
}

function inMebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}
