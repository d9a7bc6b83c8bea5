import type { RepairSnapshot } from '../snapshot.ts';
import { count, duration } from './figures.ts';

/** How far a fenced database is with being written again, as a sentence goes on. */
export function repairWords({
  phase,
  attempts,
  nextAttemptMs = 0,
  found,
}: Pick<RepairSnapshot, 'phase' | 'attempts' | 'nextAttemptMs' | 'found'>): string {
  if (phase === 'displaced') return 'it is left alone until the file that was opened is back';
  const inVain = phase === 'verifying' ? attempts - 1 : attempts;
  const now = {
    waiting: `the next time in ${duration(nextAttemptMs)}`,
    verifying: 'it is being verified now',
    elsewhere: 'another process verifies it now',
  }[phase];
  const tried = inVain === 0 ? '' : `verified ${count(inVain, 'time')} in vain, `;
  return `${tried}${now}${found === undefined ? '' : `; the last time: ${found}`}`;
}

/** What to do about it. */
export function repairAdvice({ phase, damaged }: RepairSnapshot): string {
  if (phase === 'displaced')
    return 'put the file back to where it was, or end the process in the ordinary way and start it on the one that is there now';
  if (damaged)
    return 'restore a backup: stop the processes that have it open, then hive-db restore BACKUP FILE --replace; reads go on where they can';
  return 'look at the disk and the kernel log; when it is well the file is verified and written again by itself; reads go on where they can';
}
