import type { ExportedDatabase } from '../documents/exported-database.ts';
import { count, decimal, duration, percent } from '../render/figures.ts';
import { shellWord } from '../shell-word.ts';
import type { Load } from './load.ts';

/**
 * `unknown`: there is too little evidence. `elsewhere`: callers wait, and connections are not what they lack. The others are about the
 * size.
 */
export type SizeVerdict = 'unknown' | 'keep' | 'raise' | 'lower' | 'elsewhere';

/** How much a verdict is worth: `none` with hardly any callers, `good` after many of them and minutes, recorded second by second. */
export type Confidence = 'none' | 'some' | 'good';

/** What size would do for one database, and why. */
export interface SizeAdvice {
  readonly verdict: SizeVerdict;
  readonly confidence: Confidence;
  /** How many connections the measured load needs; null where that is not known. */
  readonly needed_connections: number | null;
  /** Null where the size should stay as it is. */
  readonly suggested_size: number | null;
  readonly suggested_max_overflow: number | null;
  /** What to do, one sentence without a full stop. */
  readonly sentence: string;
  /** The numbers behind it, likewise. */
  readonly why: string;
  /** What would help instead, or make the verdict surer; null where nothing is to be done. */
  readonly next: string | null;
  /** What to type for that; null where no command helps. */
  readonly command: string | null;
}

/** What a file has by default. It can use no more: SQLite reads on the main thread, one statement after the other. */
const READERS = 4;
/** Fewer callers than this are chance. */
const ENOUGH = 20;
const PLENTY = { arrivals: 1_000, seconds: 300 };
/** Of callers, how many may have to wait before a pool is called small. */
const WAITED_SHARE = 0.1;
/** A wait that callers notice. */
const NOTICEABLE_SECONDS = 0.01;
const TIMEOUT_SHARE = 0.01;
/** Twice the square root of the average on top of it: who comes at random has to wait once in about forty times then. */
const ROOM = 2;
/** A pool that is to get smaller keeps so much more than was ever in use. */
const SPARE = 1.25;
/** So much of a pool has to be of no use before anybody is told to change it. */
const USELESS_SHARE = 0.25;

/** Says what size would do for one database. Pure. */
export function adviseSize(database: ExportedDatabase, load: Load): SizeAdvice {
  const confidence = confidenceIn(load);
  const { busy_connections: busy } = load;
  if (confidence === 'none' || busy === null) return unknown(database, load);
  const needed = neededFor(load, busy);
  const facts = { database, load, busy, needed, confidence };
  const choice = database.driver === 'sqlite' ? ofFile(facts) : ofServer(facts);
  return { confidence, needed_connections: needed, why: whyOf(load, busy), ...KEEP, ...choice };
}

interface Facts {
  readonly database: ExportedDatabase;
  readonly load: Load;
  readonly busy: number;
  readonly needed: number;
  readonly confidence: Confidence;
}
type Choice = Pick<SizeAdvice, 'verdict' | 'sentence' | 'next'> &
  Partial<Pick<SizeAdvice, 'suggested_size' | 'suggested_max_overflow' | 'needed_connections' | 'command'>>;

const KEEP = { suggested_size: null, suggested_max_overflow: null, command: null } as const;

function confidenceIn({ arrivals, window_seconds: window, recorded_seconds: recorded }: Load): Confidence {
  if (arrivals < ENOUGH) return 'none';
  return arrivals >= PLENTY.arrivals && window >= PLENTY.seconds && recorded >= PLENTY.seconds ? 'good' : 'some';
}

function unknown({ name }: ExportedDatabase, { arrivals, window_seconds: window }: Load): SizeAdvice {
  return {
    verdict: 'unknown',
    confidence: 'none',
    needed_connections: null,
    ...KEEP,
    sentence: 'too little is known to say what size would do',
    why: `${count(arrivals, 'caller')} in ${duration(window)}; ${ENOUGH} are the least to go by`,
    next: 'ask again when it is busy, or have it watched then',
    command: watching(name),
  };
}

function neededFor({ peak_in_use: peak }: Load, busy: number): number {
  return Math.max(1, withRoom(busy), peak ?? 0);
}

function withRoom(busy: number): number {
  // What is a whole number but for the arithmetic of computers is one.
  return Math.ceil(busy + ROOM * Math.sqrt(busy) - 1e-9);
}

/** Little's law, with its numbers. */
function whyOf(load: Load, busy: number): string {
  const { arrivals_per_second: arrivals, use_seconds: use, peak_in_use: peak, recorded_seconds: recorded } = load;
  const law = `${decimal(arrivals ?? 0)} arrivals/s${queueIn(load)} x ${exact(use ?? 0)} in use = ${decimal(busy)} connections busy on average`;
  const room = `with room for chance ${decimal(busy)} + ${ROOM} x √${decimal(busy)} = ${decimal(busy + ROOM * Math.sqrt(busy))}, so ${Math.max(1, withRoom(busy))}`;
  const most = peak === null ? 'the most at once is not known' : `at most ${peak} seen in use in ${duration(recorded)}`;
  return `${law}; ${room}; ${most}; ${waitsOf(load)}`;
}

/** What the rate is made of, where the queue is not as long as it was. */
function queueIn({ arrivals, queue_growth: growth, window_seconds: window }: Load): string {
  if (growth === 0) return '';
  const ended = `${arrivals - growth} in ${duration(window)} had their turn`;
  return growth > 0
    ? ` (${ended}, and ${growth} more wait than before)`
    : ` (${ended}, ${-growth} of the queue of before)`;
}

/** So exact that whoever multiplies gets what is said. */
function exact(seconds: number): string {
  return seconds < 1 ? `${decimal(seconds * 1_000)} ms` : `${decimal(seconds)} s`;
}

function waitsOf({ waited, waited_ratio: share, acquire_p95_seconds: p95, timeouts }: Load): string {
  if (waited === 0) return 'nobody waited';
  const late = timeouts === 0 ? '' : `, ${timeouts} of them in vain`;
  return `${waited} waited (${percent(share)}${late}), one caller in twenty for ${duration(p95)} or longer`;
}

/** Whether callers wait for connections to come free: of those who wait for one to be opened each has one opened. */
function isShort(load: Load): boolean {
  const {
    arrivals,
    waited,
    waited_ratio: share,
    acquire_p95_seconds: p95,
    timeouts,
    connections_opened: opened,
  } = load;
  if (timeouts >= ENOUGH / 4 && timeouts / arrivals >= TIMEOUT_SHARE) return true;
  return waited >= ENOUGH && (share ?? 0) >= WAITED_SHARE && (p95 ?? 0) >= NOTICEABLE_SECONDS && waited > 2 * opened;
}

function ofFile({ database, load, needed }: Facts): Choice {
  const { name, pool } = database;
  const limit = pool.size + pool.max_overflow;
  if (isShort(load))
    return {
      verdict: 'elsewhere',
      needed_connections: null,
      sentence: `more than ${count(limit, 'reader')} would not make it faster: SQLite reads one statement after the other on the main thread of the process`,
      next: `have each read await nothing but its statements (one lasts ${duration(load.use_seconds)} on average, one in twenty ${duration(load.use_p95_seconds)} or longer), read what is short with readSync, and what is long in a thread with offload`,
      command: `hive-db ps --database ${shellWord(name)}`,
    };
  const most = mostOf(load);
  if (limit > READERS && most !== null && Math.max(needed, most) <= READERS && isLongEnough(load))
    return {
      verdict: 'lower',
      suggested_size: READERS,
      suggested_max_overflow: 0,
      sentence: `never more than ${most} of ${count(limit, 'reader')} were in use: size ${READERS} does the same, because only offload reads in parallel`,
      next: null,
    };
  return enough(database, 'reader', load);
}

function ofServer(facts: Facts): Choice {
  const { database, load, busy, needed } = facts;
  const { size, max_overflow: overflow } = database.pool;
  const limit = size + overflow;
  if (isShort(load)) return raised(facts, limit);
  if (busy > size)
    return {
      verdict: 'raise',
      suggested_size: needed,
      suggested_max_overflow: overflow,
      sentence: `size ${needed} instead of ${size}: on average more than ${size} are busy, so that connections of the overflow are opened and closed all the time`,
      next: null,
    };
  const most = mostOf(load);
  const target = most === null ? limit : Math.ceil(SPARE * Math.max(needed, most));
  if (most !== null && limit - target >= 2 && (limit - target) / limit >= USELESS_SHARE && isLongEnough(load)) {
    const suggested = Math.min(size, target);
    return {
      verdict: 'lower',
      suggested_size: suggested,
      suggested_max_overflow: Math.min(overflow, target - suggested),
      sentence: `size ${suggested} and maxOverflow ${Math.min(overflow, target - suggested)} would do: never more than ${most} of ${limit} were in use`,
      next: null,
    };
  }
  return enough(database, 'connection', load);
}

function raised({ database, load, busy, needed }: Facts, limit: number): Choice {
  const { size, max_overflow: overflow } = database.pool;
  const target = Math.max(needed, Math.ceil(limit + (load.waiting_callers ?? 0)));
  const suggested = Math.max(size + 1, target - overflow);
  const isUneven = withRoom(busy) <= limit;
  return {
    verdict: 'raise',
    needed_connections: target,
    suggested_size: suggested,
    suggested_max_overflow: overflow,
    sentence: `size ${suggested} instead of ${size}: with ${limit} in use ${decimal(load.waiting_callers ?? 0)} callers wait on average`,
    next: isUneven
      ? `the average would fit into ${limit}: callers come in bursts, or a few keep theirs for long (one in twenty for ${duration(load.use_p95_seconds)} or longer); see who they are before you raise it`
      : null,
    command: isUneven ? `hive-db ps --database ${shellWord(database.name)}` : null,
  };
}

function enough({ name, pool }: ExportedDatabase, noun: string, load: Load): Choice {
  const limit = pool.size + pool.max_overflow;
  const isSure = confidenceIn(load) === 'good';
  return {
    verdict: 'keep',
    sentence: `${count(limit, noun)} ${limit === 1 ? 'is' : 'are'} enough for what was measured`,
    next: isSure ? null : 'ask again at the busiest time',
    command: isSure ? null : watching(name),
  };
}

function watching(name: string): string {
  return `hive-db advise --interval 60s --database ${shellWord(name)}`;
}

/** The most that can have been in use at once; null where that is not known. */
function mostOf({ since, peak_open: open, connections_opened: opened }: Load): number | null {
  return open ?? (since === 'start' ? opened : null);
}

/** Whether that was watched for long enough to say "never". */
function isLongEnough({ window_seconds: window, recorded_seconds: recorded, peak_open: open }: Load): boolean {
  return (open === null ? window : recorded) >= PLENTY.seconds;
}
