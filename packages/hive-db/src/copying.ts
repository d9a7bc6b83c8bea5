import type { CopyFailure, CopyFault, CopyOrder, CopyProgress, CopyReport } from '@hive/shared-db/direct';
import { EXIT, type ExitCode } from './exit-code.ts';
import { count } from './render/figures.ts';
import { removePartial, removeStalePartials } from './backups/partial-copy.ts';
import { say, type Invocation } from './invocation.ts';
import { dirname } from 'node:path';

/** What of a copy that failed is a finding, and what says nothing. */
const OUTCOMES: Readonly<Record<CopyFault, ExitCode>> = Object.freeze({
  damaged: EXIT.finding,
  differs: EXIT.finding,
  'no-space': EXIT.finding,
  unwritable: EXIT.finding,
  busy: EXIT.undetermined,
  unreadable: EXIT.undetermined,
  deadline: EXIT.undetermined,
  interrupted: EXIT.undetermined,
  died: EXIT.undetermined,
});
const CLEAR_LINE = '\r\u001B[K';

export function outcomeOfCopy(copied: CopyReport | CopyFailure): ExitCode {
  return 'fault' in copied ? OUTCOMES[copied.fault] : EXIT.fine;
}

/**
 * Makes a verified copy, in a process of its own, and shows how far it is where somebody looks. What earlier commands have left beside it
 * that were killed is removed first; nothing is left where there is no copy. The copy has to be given its name then.
 */
export async function copy(
  invocation: Invocation,
  order: CopyOrder,
  deadlineMs: number,
): Promise<CopyReport | CopyFailure> {
  const { io } = invocation;
  const stale = removeStalePartials(dirname(order.copy));
  if (stale.length > 0) say(invocation, `removed ${count(stale.length, 'file')} that a killed command had left`);
  // The engine is loaded only here, by the verbs that say so.
  const { copyDatabase } = await import('@hive/shared-db/direct');
  using interruption = io.interruption(() => {
    removePartial(order.copy);
  });
  const { signal } = interruption;
  const shows = io.isMessageTTY === true;
  const onProgress = (progress: CopyProgress): void => {
    if (shows) io.stderr.write(`${CLEAR_LINE}${words(progress)}`);
  };
  const copied = await copyDatabase(order, { deadlineMs, signal, onProgress });
  if (shows) io.stderr.write(CLEAR_LINE);
  if ('fault' in copied) removePartial(order.copy);
  return copied;
}

/** The system would not have the copy under its name. */
export function unwritable(path: string, error: unknown): CopyFailure {
  const { code = String(error) } = error as NodeJS.ErrnoException;
  return { fault: 'unwritable', reason: `${path} cannot be written: ${code}` };
}

function words({ phase, done, total }: CopyProgress): string {
  if (phase === 'checking') return 'checking the copy';
  if (total !== undefined) return `copying: ${Math.floor((100 * done) / Math.max(1, total))} %`;
  return `${phase === 'reading' ? 'reading the source' : 'comparing the copy'}: ${count(done, 'row')}`;
}
