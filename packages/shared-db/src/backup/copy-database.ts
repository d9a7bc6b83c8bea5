import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { systemClock, type Clock } from '@hive/pool/clock';
import { checkDuration } from '../driver/call-options.ts';
import type { CopyFailure, CopyMessage, CopyOrder, CopyProgress, CopyReport } from './copy-message.ts';

const SCRIPT = fileURLToPath(new URL('copy-process.js', import.meta.url));
/** What a process says about its own death is cut to this. */
const LONGEST_COMPLAINT = 300;
const DEADLINE_MS = 600_000;

export interface CopyOptions {
  /** After this the process that copies is killed. Default 10 min: some gigabytes, with their check, on a slow disk. */
  readonly deadlineMs?: number;
  /** What that is on. Default: the system's. */
  readonly clock?: Clock;
  /** Ends it at once. */
  readonly signal?: AbortSignal;
  /** Told now and then how far it is. */
  readonly onProgress?: (progress: CopyProgress) => void;
}

/**
 * Copies a SQLite database that may be in use, and verifies the copy by its content, in a child process of its own: that alone can be
 * killed in the middle of a statement, and holds no other connection whose locks it could drop. Resolves with what the copy holds, or
 * with why there is none; what the child process has begun when it is killed is the caller's to remove. Rejects only with `CONFIG`, for a
 * deadline that is none, before anything is begun.
 */
export async function copyDatabase(order: CopyOrder, options: CopyOptions = {}): Promise<CopyReport | CopyFailure> {
  const { deadlineMs: given = DEADLINE_MS, clock = systemClock, signal, onProgress } = options;
  const deadlineMs = checkDuration('deadlineMs', given);
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(order)], { stdio: ['pipe', 'pipe', 'pipe'] });
  let cut: CopyFailure | undefined;
  const kill = (failure: CopyFailure): void => {
    cut ??= failure;
    child.kill('SIGKILL');
  };
  const interrupt = (): void => {
    kill({ fault: 'interrupted', reason: 'it was interrupted' });
  };
  const deadline = clock.after(deadlineMs, () => {
    kill({ fault: 'deadline', reason: `it took longer than ${deadlineMs} ms` });
  });
  signal?.addEventListener('abort', interrupt, { once: true });
  if (signal?.aborted === true) interrupt();
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, LONGEST_COMPLAINT);
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('close', (code, by) => {
      resolve(by === null ? `it ended with ${code}` : `it was ended by ${by}`);
    });
  });
  let outcome: CopyReport | CopyFailure | undefined;
  for await (const line of createInterface(child.stdout)) {
    const message = messageOf(line);
    if (message === undefined) complaint ||= line.slice(0, LONGEST_COMPLAINT);
    else if ('progress' in message) onProgress?.(message.progress);
    else outcome = 'report' in message ? message.report : message.failure;
  }
  const how = await ended;
  deadline.cancel();
  signal?.removeEventListener('abort', interrupt);
  return (
    cut ?? outcome ?? { fault: 'died', reason: `the process that copied said nothing: ${how}; ${complaint}`.trim() }
  );
}

/** Undefined for what somebody else has written, such as a module that the environment loads into every process. */
function messageOf(line: string): CopyMessage | undefined {
  try {
    return JSON.parse(line) as CopyMessage;
  } catch {
    return undefined;
  }
}
