import { existsSync, readFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';

/** Which process, and not a later one that happens to get the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /**
   * When it started, as the system tells it: field 22 of `/proc/<pid>/stat`, ticks since boot. Where there is no `/proc` it is the
   * process's own stamp, milliseconds since 1970, which nobody else can check.
   */
  readonly start: string;
  /** 0 is the main thread. */
  readonly thread: number;
}

/** The identity of this process and thread. */
export function thisProcess(): ProcessIdentity {
  const start = startOf(process.pid) ?? String(Math.round(performance.timeOrigin));
  return { pid: process.pid, start, thread: threadId };
}

/**
 * Whether a process has ended, as far as can be seen from here: one in another pid namespace (a container) looks gone and may well
 * live. Costs one small read.
 */
export function looksGone({ pid, start }: ProcessIdentity): boolean {
  const found = startOf(pid);
  if (found !== undefined) return found !== start;
  return existsSync('/proc/self/stat') || !answersSignals(pid);
}

/** When a process started, in ticks since boot; undefined where it has ended or cannot be seen from here. */
export function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field is the command in parentheses and may itself hold spaces and parentheses; the third is the state.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ended = fields[0] === 'Z' || fields[0] === 'X';
  return ended ? undefined : fields[22 - 3];
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // Also where the signal is not permitted: a process of this user's has gone and its number is another user's now.
    return false;
  }
}
