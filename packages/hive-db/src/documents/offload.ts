import type { ServiceSnapshot } from '@hive/shared-db';

/** What reads beside the main thread of a process, for all its databases together. */
export interface OffloadDocument {
  readonly threads: CrewDocument;
  readonly processes: CrewDocument;
}

export interface CrewDocument {
  /** How many work at once. */
  readonly limit: number;
  readonly live: number;
  /** With a statement, those that are stuck among them. */
  readonly busy: number;
  /** In a statement that nobody waits for and nothing ends. */
  readonly stuck: number;
  /** Beyond the limit, one for each that is stuck at most. */
  readonly spare: number;
  readonly waiting: number;
  readonly oldest_wait_seconds: number;
  /** Monotone since the start. */
  readonly counters: CrewCountersDocument;
  /** Longest first. */
  readonly running: readonly OffloadedDocument[];
}

export interface CrewCountersDocument {
  readonly done: number;
  readonly failed: number;
  /** Callers that were let go before the end. */
  readonly released: number;
  /** Callers that were turned away at once. */
  readonly refused: number;
  /** How often one of them ended by itself. */
  readonly crashes: number;
  readonly busy_seconds: number;
}

/** A statement that is being read there. */
export interface OffloadedDocument {
  readonly database: string;
  readonly label: string;
  /** Without values. */
  readonly statement: string;
  readonly running_seconds: number;
  readonly stuck: boolean;
  /** Of the process that runs it; null for a thread. */
  readonly pid: number | null;
}

export function offloadDocument({ threads, processes }: ServiceSnapshot['offload']): OffloadDocument {
  return { threads: crewDocument(threads), processes: crewDocument(processes) };
}

function crewDocument(crew: ServiceSnapshot['offload']['threads']): CrewDocument {
  const { limit, live, busy, stuck, queued, oldestWaitMs, running } = crew;
  const { done, failed, released, refused, crashes, busyMs } = crew.counters;
  return {
    limit,
    live,
    busy,
    stuck,
    spare: Math.max(0, live - limit),
    waiting: queued,
    oldest_wait_seconds: oldestWaitMs / 1_000,
    counters: { done, failed, released, refused, crashes, busy_seconds: busyMs / 1_000 },
    running: running.map((one) => ({
      database: one.database,
      label: one.label,
      statement: one.statement,
      running_seconds: one.runningMs / 1_000,
      stuck: one.stuck,
      pid: one.pid ?? null,
    })),
  };
}
