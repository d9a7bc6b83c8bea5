import { z } from 'zod';

/** Asks the ecosystemiser for a study: `{ taskId, attempt, study }`. */
export const STUDY_REQUESTED = 'study.requested';
/** Its answers. Each carries `taskId` and `attempt` back. */
export const STUDY_FINISHED = 'study.finished';
export const STUDY_FAILED = 'study.failed';

const answered = { taskId: z.string().min(1), attempt: z.int().min(1) };

/** What else the answer holds is the result of the task. */
export const studyFinished = z.looseObject(answered);

/** `retryable: false` when another attempt would fail for the same reason, such as a study that names an unknown component. */
export const studyFailed = z.looseObject({ ...answered, error: z.string(), retryable: z.boolean().default(true) });
