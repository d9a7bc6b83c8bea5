import type { ExportedDatabase } from '../documents/exported-database.ts';
import type { ExportedProcess } from '../documents/exported-process.ts';
import type { RecordedProcess } from '../documents/recording.ts';
import { count, duration, percent } from '../render/figures.ts';
import { budgetRemarks } from './budgets.ts';
import { connectionSums, type ConnectionSum, type DescriptorLimit } from './connection-sums.ts';
import { loadOf, type Load } from './load.ts';
import { adviseSize, type SizeAdvice } from './pool-size.ts';

/** What was seen of one process. */
export interface ProcessEvidence {
  readonly now: ExportedProcess;
  /** The same process at an earlier moment; undefined where it was looked at once. */
  readonly earlier: ExportedProcess | undefined;
  readonly recording: RecordedProcess | undefined;
  /** Null where it is not known, as of a process that is gone. */
  readonly descriptors: DescriptorLimit | null;
}

/** Something about a database, beside its size, that is not as it should be. */
export interface AdviceRemark {
  /** A stable word that scripts can compare: `recycle`, `acquire-timeout`, `budget-max`, `budget-unused`. */
  readonly code: 'recycle' | 'acquire-timeout' | 'budget-max' | 'budget-unused';
  readonly evidence: string;
  readonly advice: string;
}

export interface DatabaseAdvice {
  readonly database: ExportedDatabase;
  readonly load: Load;
  readonly size: SizeAdvice;
  readonly remarks: readonly AdviceRemark[];
}

export interface ProcessAdvice {
  readonly process: ExportedProcess;
  readonly databases: readonly DatabaseAdvice[];
}

export interface Advice {
  readonly processes: readonly ProcessAdvice[];
  /** Of everything that was seen: limits are shared with those who were not asked for, too. */
  readonly sums: readonly ConnectionSum[];
}

/** Fewer who give up than this are chance. */
const ENOUGH = 20;
const GAVE_UP_SHARE = 0.01;
/** Where nearly nobody waits to the end of the limit, it is not what ends waits. */
const RARELY = 0.1;
/** A connection should be gone some time before the server ends it. */
const BEFORE_ITS_END = 0.9;

/** Says of every database what size would do, and which sums cannot work. Pure. */
export function advise(evidence: readonly ProcessEvidence[]): Advice {
  const processes = evidence.map((one) => ({
    process: one.now,
    databases: one.now.databases.filter(isServing).map((database) => ofDatabase(database, one)),
  }));
  const parts = evidence.map(({ now, descriptors }, index) => ({
    process: now,
    descriptors,
    advised: (wanted: ExportedDatabase) => advisedOf(processes[index]?.databases ?? [], wanted),
  }));
  const sums = connectionSums(parts);
  return { processes: processes.map((one) => withRoomFor(one, sums)), sums };
}

/** No pool should be raised beyond what its server lets in. */
function withRoomFor({ process, databases }: ProcessAdvice, sums: readonly ConnectionSum[]): ProcessAdvice {
  const isTooMuch = (server: string | undefined): boolean =>
    sums.some((sum) => sum.server === server && sum.allowed !== null && sum.most_as_advised > sum.allowed);
  return {
    process,
    databases: databases.map((one) => {
      const { database, load, size } = one;
      if (size.verdict !== 'raise' || !isTooMuch(database.limits?.server?.name)) return one;
      const next = `not before there is room: the server does not let in as many as all pools may open then (see the sums); shorter uses need fewer, one lasts ${duration(load.use_seconds)} on average`;
      return { ...one, size: { ...size, next, command: 'hive-db top --interval 10s' } };
    }),
  };
}

/** The figures of a database that is not there say nothing. */
function isServing({ status }: ExportedDatabase): boolean {
  return status === 'open' || status === 'fenced';
}

function ofDatabase(database: ExportedDatabase, { now, earlier, recording }: ProcessEvidence): DatabaseAdvice {
  const before = earlier?.databases.find(({ name }) => name === database.name);
  const windowSeconds = now.uptime_seconds - (before === undefined ? 0 : (earlier?.uptime_seconds ?? 0));
  const load = loadOf({ now: database, earlier: before, windowSeconds, recording });
  const ofTimes = [tooOld(database), tooPatient(database, load)].filter((remark) => remark !== undefined);
  const remarks = [...ofTimes, ...budgetRemarks(database, before, load)];
  return { database, load, size: adviseSize(database, load), remarks };
}

function advisedOf(
  databases: readonly DatabaseAdvice[],
  wanted: ExportedDatabase,
): { readonly size: number; readonly maxOverflow: number } | undefined {
  const advice = databases.find(({ database }) => database === wanted)?.size;
  if (advice === undefined || advice.suggested_size === null || advice.suggested_max_overflow === null)
    return undefined;
  return { size: advice.suggested_size, maxOverflow: advice.suggested_max_overflow };
}

/** A server that ends idle connections ends them under whoever takes one from the pool. */
function tooOld({ limits }: ExportedDatabase): AdviceRemark | undefined {
  const idle = limits?.server?.idle_limit_seconds ?? null;
  if (limits === undefined || limits === null || idle === null || idle <= 0) return undefined;
  const { recycle_seconds: recycle } = limits;
  if (recycle > 0 && recycle < idle) return undefined;
  const now = recycle === 0 ? 'connections are never replaced' : `connections are replaced after ${duration(recycle)}`;
  return {
    code: 'recycle',
    evidence: `${now}, but the server ends what was idle for ${duration(idle)}`,
    advice: `set pool.recycle to ${duration(BEFORE_ITS_END * idle)} or less: else who is given one that lay idle waits until it is found dead and another is opened`,
  };
}

/** Only where callers were seen to leave: what deadlines they have nobody else knows. */
function tooPatient(
  { limits }: ExportedDatabase,
  { arrivals, gave_up: gaveUp, timeouts }: Load,
): AdviceRemark | undefined {
  const share = gaveUp / (arrivals + gaveUp);
  if (gaveUp < ENOUGH || share < GAVE_UP_SHARE || timeouts > RARELY * gaveUp) return undefined;
  const limit = limits?.acquire_timeout_seconds ?? null;
  const end = limit === null ? 'the time limit of the pool' : `the time limit of ${duration(limit)}`;
  return {
    code: 'acquire-timeout',
    evidence: `${count(gaveUp, 'caller')} (${percent(share)}) gave up before they had a connection, and ${timeouts} came to ${end}`,
    advice:
      'set pool.acquireTimeout below the deadline of the callers: then the error says who had the connections, instead of a caller that is gone',
  };
}
