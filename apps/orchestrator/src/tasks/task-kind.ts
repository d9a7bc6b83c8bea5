import { z } from 'zod';
import { textLike, wholeNumber } from '../refusal.ts';

const HOUR_MS = 3_600_000;

export const sleepPayload = z.strictObject({ ms: wholeNumber(0, HOUR_MS) });

const STUDY = 'the name of a study (lower-case letters, digits, -) or an object that describes one';

/** A study by its name, or spelled out: what is in it is the ecosystemiser's to judge. */
export const studyPayload = z.strictObject({
  study: z.union([textLike(/^[a-z0-9][a-z0-9-]{0,62}$/, STUDY), z.record(z.string(), z.unknown())], { error: STUDY }),
});

/** The payload of one kind, and who runs it: a worker process, or whoever answers on the bus. */
interface TaskKindRule {
  readonly runBy: 'worker' | 'bus';
  /** Undefined: any JSON. */
  readonly payload: z.ZodObject | undefined;
}

/** What can be submitted. */
export const TASK_KINDS = {
  echo: { runBy: 'worker', payload: undefined },
  sleep: { runBy: 'worker', payload: sleepPayload },
  study: { runBy: 'bus', payload: studyPayload },
} as const satisfies Readonly<Record<string, TaskKindRule>>;

export type TaskKind = keyof typeof TASK_KINDS;

export const TASK_KIND_NAMES = Object.keys(TASK_KINDS) as readonly TaskKind[];

/** The kinds that worker processes run. */
export type WorkerKind = { [K in TaskKind]: (typeof TASK_KINDS)[K]['runBy'] extends 'worker' ? K : never }[TaskKind];

export const WORKER_KIND_NAMES = TASK_KIND_NAMES.filter(
  (kind): kind is WorkerKind => TASK_KINDS[kind].runBy === 'worker',
);
