import type { TimeSpan } from '../time-span.ts';
import type { Unanswered } from './process.ts';
import {
  RECORDED_FIGURES,
  type RecordedDatabase,
  type RecordedFigure,
  type RecordedProcess,
  type RecordingDocument,
} from './recording.ts';

/** `replay --json`, hive-db/replay/v1: the steps of a recording that were asked for, and the worst of them. */
export interface ReplayDocument extends Unanswered {
  readonly schema: 'hive-db/replay/v1';
  readonly processes: readonly ReplayedProcess[];
}

export interface ReplayedProcess extends RecordedProcess {
  readonly worst: WorstMoments;
}

/** Each is null where there was nothing of the kind. */
export interface WorstMoments {
  readonly longest_wait: { readonly seconds: number; readonly at: string | null; readonly database: string } | null;
  readonly longest_block: { readonly seconds: number; readonly at: string | null } | null;
  /** For connections and for the writer. */
  readonly most_waiting: { readonly waiting: number; readonly at: string | null; readonly database: string } | null;
}

/** A process without a step in the span is left out. */
export function replayOf({ processes, unreachable }: RecordingDocument, span: TimeSpan): ReplayDocument {
  return {
    schema: 'hive-db/replay/v1',
    processes: processes
      .map((process) => within(process, span))
      .filter(({ at }) => at.length > 0)
      .map((process) => ({ ...process, worst: worstOf(process) })),
    ...(unreachable === undefined ? {} : { unreachable }),
  };
}

/** The first and the last moment of all steps, in milliseconds since 1970; undefined where there is none. */
export function spanOf({ processes }: RecordingDocument): TimeSpan | undefined {
  let span: TimeSpan | undefined;
  for (const { at } of processes)
    for (const moment of at) {
      const ms = msOf(moment);
      if (!Number.isNaN(ms)) span = { from: Math.min(span?.from ?? ms, ms), to: Math.max(span?.to ?? ms, ms) };
    }
  return span;
}

/** NaN for what is no moment. */
export function msOf(moment: string | null): number {
  return moment === null ? Number.NaN : Date.parse(moment);
}

function within(process: RecordedProcess, { from, to }: TimeSpan): RecordedProcess {
  if (from === -Infinity && to === Infinity) return process;
  const kept = process.at.map((moment) => msOf(moment) >= from && msOf(moment) <= to);
  const cut = <T>(column: readonly T[]): readonly T[] => column.filter((_, step) => kept[step]);
  return {
    ...process,
    at: cut(process.at),
    event_loop_blocked_seconds: cut(process.event_loop_blocked_seconds),
    memory_bytes: cut(process.memory_bytes),
    databases: process.databases.map((database) => ({
      ...database,
      ...(Object.fromEntries(RECORDED_FIGURES.map((figure) => [figure, cut(database[figure])])) as Pick<
        RecordedDatabase,
        RecordedFigure
      >),
    })),
  };
}

function worstOf({ at, event_loop_blocked_seconds: blocked, databases }: RecordedProcess): WorstMoments {
  const waits = databases.map((database) => ({ name: database.name, ...highest(database.oldest_wait_seconds) }));
  const crowds = databases.map((database) => ({ name: database.name, ...highest(waiting(database)) }));
  const block = highest(blocked);
  const wait = greatest(waits);
  const crowd = greatest(crowds);
  const when = (step: number): string | null => at[step] ?? null;
  return {
    longest_wait: wait && { seconds: wait.value, at: when(wait.step), database: wait.name },
    longest_block: block.value > 0 ? { seconds: block.value, at: when(block.step) } : null,
    most_waiting: crowd && { waiting: crowd.value, at: when(crowd.step), database: crowd.name },
  };
}

function waiting({ pool_waiting: pool, lane_waiting: lane }: RecordedDatabase): readonly number[] {
  return pool.map((value, step) => (value ?? 0) + (lane[step] ?? 0));
}

/** The highest value of a column and the first step that had it. */
function highest(column: readonly (number | null)[]): { readonly value: number; readonly step: number } {
  let found = { value: 0, step: -1 };
  for (const [step, value] of column.entries()) if (value !== null && value > found.value) found = { value, step };
  return found;
}

/** The greatest of them; null where all are 0. */
function greatest<T extends { readonly value: number }>(all: readonly T[]): T | null {
  const [first] = all.filter(({ value }) => value > 0).toSorted((a, b) => b.value - a.value);
  return first ?? null;
}
