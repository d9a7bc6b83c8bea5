import type { Clock } from '@hive/pool/clock';
import { refusal } from '../config/problem.ts';
import { markOf, type FileMark } from './file-mark.ts';

/** For how long a file has to stay as it is: as long as one that is watched. Editors and copies are done within milliseconds. */
const QUIET_MS = 1_000;
/** One that was written so long ago is not waited for. Some file systems count in steps of two seconds. */
const OLD_MS = 3_000;
/** How often it is looked at meanwhile; a look is one call of the system. */
const LOOK_MS = 100;
/** Whoever writes for longer than that is not saving settings, and whoever waits wants to hear of it. */
export const STILL_LIMIT_MS = 3_000;

/** Whom it is asked for. */
export interface StillnessOptions {
  readonly clock: Clock;
  /** Whether nobody needs it any more: then it resolves at the next look. */
  readonly isOver: () => boolean;
}

/**
 * Waits until a file has stayed as it is for a second: half of what somebody is writing may be valid, such as a number that is cut. Undefined
 * where there is nothing to wait for: it was written three seconds ago or earlier, or there is no file to be seen. Rejects with `CONFIG`,
 * naming the file, where it has changed for three seconds. Keeps the process alive for no longer than that.
 */
export function untilStill(path: string, { clock, isOver }: StillnessOptions): Promise<void> | undefined {
  const first = markOf(path);
  if (isOld(first, clock)) return undefined;
  const startedAt = clock.now();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let seen = first;
  let seenAt = startedAt;
  const look = (): void => {
    const mark = markOf(path);
    const now = clock.now();
    if (mark.text !== seen.text) [seen, seenAt] = [mark, now];
    if (isOver() || now - seenAt >= QUIET_MS) resolve();
    else if (now - startedAt >= STILL_LIMIT_MS) reject(unrest(path));
    else clock.after(LOOK_MS, look);
  };
  clock.after(LOOK_MS, look);
  return promise;
}

/** A time in the future says nothing: the clocks of file servers differ. */
function isOld({ changedAt }: FileMark, clock: Clock): boolean {
  return changedAt === undefined || clock.wallTime() - changedAt >= OLD_MS;
}

function unrest(path: string): Error {
  return refusal({
    where: path,
    what: `the settings file has been written to all the time for ${STILL_LIMIT_MS / 1_000} seconds, and half of it may be missing`,
    advice: 'reload when it is complete; a program that writes it should write another file and rename that',
  });
}
