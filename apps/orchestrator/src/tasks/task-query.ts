import { z } from 'zod';
import { numberInText, oneOf, parseOrRefuse, textLike, wholeNumber } from '../refusal.ts';
import type { TaskFilter } from './queue.ts';
import { TASK_KIND_NAMES } from './task-kind.ts';
import { TASK_STATES } from './task-state.ts';

/** What an answer holds unless somebody asks for more: a screen or two. */
const DEFAULT_LIMIT = 100;
const MOST = 1_000;

const taskId = textLike(/^[\w-]{1,64}$/, 'the id of a task');

const taskQuery = z.strictObject({
  state: oneOf(TASK_STATES).optional(),
  kind: oneOf(TASK_KIND_NAMES).optional(),
  before: taskId.optional(),
  limit: numberInText(wholeNumber(1, MOST)).default(DEFAULT_LIMIT),
});

/** Which tasks are asked for, by texts such as those of a query string; or a `Refusal`. */
export function parseTaskQuery(input: unknown, where: string): TaskFilter {
  return parseOrRefuse(taskQuery, input, where);
}
