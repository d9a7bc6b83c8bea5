import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { systemClock, type Clock } from '@hive/pool/clock';
import { DatabaseError } from '../errors.ts';
import { classifyCode } from './classify.ts';
import { openEngine, SqliteError } from './engine.ts';
import { openReader } from './open.ts';

const SCRIPT = fileURLToPath(import.meta.url);
/** How long the child process may take for any file, and how much longer for each megabyte: a slow disk reads twenty in a second. */
const DEADLINE_MS = 60_000;
const DEADLINE_MS_PER_MEGABYTE = 50;
/** How long the check waits for a process that has the file for itself, and then for those that read or write it. */
const LOCK_TIMEOUT_MS = 10_000;
/** How long it pauses before it asks again whether they do. */
const PAUSE_MS = 20;

/** What the child process found out, or why it found out nothing. */
interface Finding {
  readonly checked: boolean;
  readonly text: string;
}

/** How a file is verified. */
export interface VerifyOptions {
  /** How long others may read or write the file meanwhile. Default 10 s. */
  readonly patienceMs?: number;
  /** What the deadline is on. Default: the system's. */
  readonly clock?: Clock;
  /** Ends the child process. */
  readonly signal?: AbortSignal;
  /** Whether the process stays alive for the answer. Default true. */
  readonly keepsAlive?: boolean;
}

/** How long verifying a file may take, waiting for others included: then the child process is killed. Finite, and grows with the file. */
export function verifyDeadlineMs(path: string): number {
  const megabytes = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) / 2 ** 20;
  return Math.ceil(DEADLINE_MS + megabytes * DEADLINE_MS_PER_MEGABYTE);
}

/**
 * Checks a file with `quick_check`, and when that finds nothing, brings all of its log into it, in a child process, which alone can
 * be killed when it takes too long. Resolves with what is wrong, or undefined when nothing was found. Rejects with `FENCED` when the
 * check could not be made, or the log not be emptied.
 */
export function verifyFile(path: string, options: VerifyOptions = {}): Promise<string | undefined> {
  const { patienceMs = LOCK_TIMEOUT_MS, clock = systemClock, signal, keepsAlive = true } = options;
  const deadlineMs = verifyDeadlineMs(path);
  return new Promise((resolve, reject) => {
    let isLate = false;
    const child = execFile(process.execPath, [SCRIPT, path, String(patienceMs)], (error, stdout) => {
      deadline.cancel();
      signal?.removeEventListener('abort', kill);
      if (error !== null) {
        reject(notChecked(path, isLate ? `it took longer than ${deadlineMs} ms` : 'it broke off', error));
        return;
      }
      const { checked, text } = findingOf(stdout);
      if (checked) resolve(text === 'ok' ? undefined : text);
      else reject(notChecked(path, text));
    });
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    const deadline = clock.after(deadlineMs, () => {
      isLate = true;
      kill();
    });
    if (signal?.aborted === true) kill();
    signal?.addEventListener('abort', kill, { once: true });
    if (!keepsAlive) {
      deadline.unref();
      child.unref();
      for (const pipe of [child.stdin, child.stdout, child.stderr]) if (pipe instanceof Socket) pipe.unref();
    }
  });
}

function findingOf(answer: string): Finding {
  try {
    return JSON.parse(answer) as Finding;
  } catch {
    return { checked: false, text: 'the process that was to do it answered something else' };
  }
}

function notChecked(path: string, why: string, cause?: Error): DatabaseError {
  return new DatabaseError('FENCED', `${path} could not be checked after an I/O error: ${why}`, {
    cause,
    advice: 'remove the reason and use it again; it is not written before it has been checked',
  });
}

/** What is wrong with a file, or that the damage does not even let it be looked at. */
function check(path: string, patienceMs: number): Finding {
  try {
    const text = firstFault(path);
    if (text === 'ok' && !emptyLog(path, patienceMs))
      return { checked: false, text: `others read or wrote it all the time, for ${patienceMs} ms` };
    return { checked: true, text };
  } catch (error) {
    if (!(error instanceof SqliteError)) return { checked: false, text: String(error) };
    const { kind, message } = classifyCode(error.code, error.message, 'statement');
    // A disk that does not read says nothing about the file (SQLITE_IOERR_CORRUPTFS).
    const isDamage = (kind === 'CORRUPT' || kind === 'NOT_A_DATABASE') && !error.code.startsWith('SQLITE_IOERR');
    return { checked: isDamage, text: message };
  }
}

function firstFault(path: string): string {
  const handle = openReader(path, LOCK_TIMEOUT_MS);
  try {
    return String(handle.pragma('quick_check(1)', { simple: true }));
  } finally {
    handle.close();
  }
}

/**
 * After a failed sync the system takes what it could not write for written, and no later sync of the log says anything about it: a
 * write behind it would be acknowledged, and lost with it. So all of the log goes into the file, by a sync that succeeds, and the log
 * begins anew. Asks again and again instead of waiting with the write lock in its hands. False when it was never let.
 */
function emptyLog(path: string, patienceMs: number): boolean {
  const handle = openEngine(path, { readonly: false, busyTimeoutMs: LOCK_TIMEOUT_MS });
  try {
    handle.pragma('synchronous = FULL');
    handle.pragma('fullfsync = ON');
    handle.pragma('busy_timeout = 0');
    const pause = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += PAUSE_MS) {
      if (handle.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) === 0) return true;
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
    return false;
  } finally {
    handle.close();
  }
}

if (process.argv[1] === SCRIPT) {
  const [, , path = '', patienceMs] = process.argv;
  process.stdout.write(`${JSON.stringify(check(path, Number(patienceMs)))}\n`);
}
