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
  const expected = expectedOf(payload, DEEPEST);
  if (expected !== undefined) throw new Refusal(`${where}: payload must ${expected}`);
  const schema: z.ZodObject | undefined = TASK_KINDS[request.kind].payload;
  return {
    ...request,
    payload: schema === undefined ? payload : parseOrRefuse(schema, payload, `${where}, payload of ${request.kind}`),
  };
}

/** What would have to be otherwise for a value to be kept exactly as it was written; undefined when it is. */
function expectedOf(value: unknown, levels: number): string | undefined {
  if (typeof value === 'number') return expectedOfNumber(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels === 0) return `be nested at most ${DEEPEST} deep`;
  if (Object.hasOwn(value, '__proto__')) return 'have no key __proto__';
  for (const part of Object.values(value)) {
    const expected = expectedOf(part, levels - 1);
    if (expected !== undefined) return expected;
  }
  return undefined;
}

function expectedOfNumber(value: number): string | undefined {
  if (!Number.isFinite(value)) return 'have no number beyond what a double holds';
  // From 1e21 on a number is written with an exponent, by whoever means no single digit of it.
  return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21
    ? 'have no whole number beyond 2^53, which would lose digits: send it as a text'
    : undefined;
}
