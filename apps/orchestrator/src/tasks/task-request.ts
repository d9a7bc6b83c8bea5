import { z } from 'zod';
import { oneOf, parseOrRefuse, Refusal, textLike, wholeNumber } from '../refusal.ts';
import type { TaskRequest } from './queue.ts';
import { TASK_KIND_NAMES, TASK_KINDS } from './task-kind.ts';

/** Thirty days: what is further away belongs into a calendar. */
const LONGEST_DELAY_MS = 30 * 24 * 3_600_000;
/** SQLite reads JSON to a depth of 1,000; nobody means more than this. */
const DEEPEST = 64;

const taskRequest = z.strictObject({
  kind: oneOf(TASK_KIND_NAMES),
  payload: z.unknown().optional(),
  key: textLike(/^[\x21-\x7e]{1,200}$/, 'a text of 1 to 200 visible ASCII characters').optional(),
  priority: wholeNumber(-1_000, 1_000).optional(),
  maxAttempts: wholeNumber(1, 100).optional(),
  delayMs: wholeNumber(0, LONGEST_DELAY_MS).optional(),
});

/** A request that the queue can take, or a `Refusal`. */
export function parseTaskRequest(input: unknown, where: string): TaskRequest {
  const { payload = null, ...request } = parseOrRefuse(taskRequest, input, where);
  if (isDeeperThan(payload, DEEPEST)) throw new Refusal(`${where}: payload must be nested at most ${DEEPEST} deep`);
  const schema: z.ZodObject | undefined = TASK_KINDS[request.kind].payload;
  return {
    ...request,
    payload: schema === undefined ? payload : parseOrRefuse(schema, payload, `${where}, payload of ${request.kind}`),
  };
}

function isDeeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return limit === 0 || Object.values(value).some((part) => isDeeperThan(part, limit - 1));
}
