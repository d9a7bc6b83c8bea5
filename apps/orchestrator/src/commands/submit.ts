import type { CommonConfig } from '../config.ts';
import type { Io } from '../io.ts';
import { Refusal, shown } from '../refusal.ts';
import { withQueue } from './with-queue.ts';
import { parseTaskRequest } from '../tasks/task-request.ts';
import type { TaskRequest } from '../tasks/queue.ts';

/** A request as it is written on the command line. */
export interface WrittenRequest {
  readonly kind: string;
  /** JSON. */
  readonly payload: string | undefined;
  readonly key: string | undefined;
  readonly priority: string | undefined;
  readonly maxAttempts: string | undefined;
  readonly delayMs: string | undefined;
}

/** The request that was meant, or a `Refusal`. */
export function readRequest({ kind, payload, key, priority, maxAttempts, delayMs }: WrittenRequest): TaskRequest {
  const written = { key, priority: number(priority), maxAttempts: number(maxAttempts), delayMs: number(delayMs) };
  const given = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined));
  return parseTaskRequest({ kind, payload: payload === undefined ? null : json(payload), ...given }, 'submit');
}

/** Puts a task into the queue and prints its id. Resolves with the exit code: 1 when its key belongs to another task. */
export function submit(request: TaskRequest, config: CommonConfig, io: Io): Promise<number> {
  return withQueue(config, io, async (queue) => {
    const { outcome, task } = await queue.submit(request);
    if (outcome === 'conflict') {
      io.stderr(`hive-orchestrator: the key ${task.key} belongs to task ${task.id}, which asks for something else\n`);
      return 1;
    }
    io.stdout(`${task.id}\n`);
    return 0;
  });
}

/** Text that is no number is left for the schema to refuse. */
function number(text: string | undefined): unknown {
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(`submit: payload must be JSON, such as '{"ms":100}', not ${shown(text)}`);
  }
}
