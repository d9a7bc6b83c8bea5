import type { CommonConfig } from '../config.ts';
import { taskDocument } from '../http/task-document.ts';
import type { Io } from '../io.ts';
import type { TaskFilter, TaskQueue } from '../tasks/queue.ts';
import type { Task } from '../tasks/task.ts';
import { withQueue } from './with-queue.ts';

const HEADER = ['ID', 'KIND', 'STATE', 'ATTEMPTS', 'UPDATED', 'ERROR'];
/** What is shown of an error in a table. */
const ERROR_CHARACTERS = 60;

/** Prints tasks, newest first, as a table or as one JSON document. Resolves with the exit code. */
export function tasks(filter: TaskFilter, isJson: boolean, config: CommonConfig, io: Io): Promise<number> {
  const print = (queue: TaskQueue): Promise<number> => {
    const found = queue.list(filter);
    io.stdout(isJson ? `${JSON.stringify({ tasks: found.map(taskDocument) })}\n` : table(found));
    return Promise.resolve(0);
  };
  return withQueue(config, io, print, { onlyLooks: true });
}

function table(found: readonly Task[]): string {
  if (found.length === 0) return 'no tasks\n';
  const rows = [HEADER, ...found.map(cells)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function cells({ id, kind, state, attempts, maxAttempts, updatedAt, error = '' }: Task): string[] {
  return [id, kind, state, `${attempts}/${maxAttempts}`, new Date(updatedAt).toISOString(), onOneLine(error)];
}

/** An error is somebody else's text: nothing in it may move the cursor. */
function onOneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
  return line.length > ERROR_CHARACTERS ? `${line.slice(0, ERROR_CHARACTERS - 1)}…` : line;
}
