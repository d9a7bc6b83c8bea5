import type { LeaseSnapshot, PinnedLog } from '../snapshot.ts';
import { count, duration } from './figures.ts';
import type { Reason } from './reason.ts';

/** How many processes, and reads of this one, a sentence names. */
const NAMED = 3;

/**
 * A reader that keeps a log from getting shorter, in words. Pure.
 *
 * @param leases who has a connection of this process: whoever has had one for as long may be the reader
 */
export function pinnedInWords(
  database: string,
  { frames, forMs, readers }: PinnedLog,
  leases: readonly LeaseSnapshot[] = [],
): Pick<Reason, 'evidence' | 'advice'> {
  const processes = readers.slice(0, NAMED).map(({ pid, command }) => `process ${pid} (${command})`);
  const more = readers.length > NAMED ? `, ${readers.length - NAMED} more` : '';
  const own = leases
    .filter(({ ageMs, owner }) => ageMs >= forMs && owner !== undefined)
    .slice(0, NAMED)
    .map(({ owner, ageMs }) => `${JSON.stringify(owner)} for ${duration(ageMs)}`);
  const who = processes.length === 0 ? 'a reader that the system does not name' : processes.join(', ') + more;
  const here = own.length === 0 ? '' : `; here ${own.join(', ')}`;
  return {
    evidence: `${count(frames, 'frame')} of its log cannot be brought into the file, for ${duration(forMs)}, because somebody reads an older state: ${who}${here}`,
    advice: `hive-db wal ${database} says which reader keeps how many frames; end it, or have it read in smaller pieces`,
  };
}
