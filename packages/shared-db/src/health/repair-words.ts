import type { RepairSnapshot } from '../snapshot.ts';
import { count, duration } from './figures.ts';

/** How far a fenced database is with being written again, as a sentence goes on. */
export function repairWords({ phase, attempts, nextAttemptMs, found }: RepairSnapshot): string {
  const tried = attempts === 0 ? '' : `verified ${count(attempts, 'time')} in vain, `;
  const last = found === undefined ? '' : `; the last time: ${found}`;
  switch (phase) {
    case 'displaced':
      return 'it is left alone until the file that was opened is back';
    case 'elsewhere':
      return `${tried}another process verifies it now${last}`;
    case 'verifying':
      return `${attempts > 1 ? `verified ${count(attempts - 1, 'time')} in vain, ` : ''}being verified now${last}`;
    case 'waiting':
      return `${tried}${nextAttemptMs === undefined ? 'tried again soon' : `next in ${duration(nextAttemptMs)}`}${last}`;
  }
}

/** What to do about it. */
export function repairAdvice({ phase, damaged }: RepairSnapshot): string {
  if (phase === 'displaced')
    return 'put the file back to where it was, or end the process in the ordinary way and start it on the one that is there now';
  if (damaged)
    return 'restore a backup: stop the processes that have it open, then hive-db restore BACKUP FILE --replace; reads go on where they can';
  return 'look at the disk and the kernel log; when it is well the file is verified and written again by itself; reads go on where they can';
}
