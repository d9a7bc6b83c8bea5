import { z } from 'zod';
import { parseOrRefuse } from '../study/refusal.ts';

/** Where requests are published. */
export const STUDY_REQUESTED = 'study.requested';

/** Fits into the key of an answer, and into a terminal. */
const taskId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/,
    'expected at most 100 letters, digits, dots, colons, hyphens or underscores',
  );

const studyRequestSchema = z
  .object({
    taskId,
    /** How often the task has been tried, this time included: each attempt has its answer. */
    attempt: z.int().min(1),
    /** The name of a default study, or a whole study; looked at when it is computed, so that the asker hears what is wrong. */
    study: z.unknown().optional(),
  })
  .readonly();

/** A study that somebody wants computed. */
export type StudyRequest = z.infer<typeof studyRequestSchema>;

/** The request in the payload of an event, or a `Refusal` when it does not even say who asks. Keys of later versions are passed over. */
export function parseStudyRequest(payload: unknown, origin: string): StudyRequest {
  return parseOrRefuse(studyRequestSchema, payload, origin);
}
