import type { OnDemandDocument } from '../documents/on-demand.ts';
import { duration } from './figures.ts';
import { safe } from './safe-text.ts';

/** `tenant-*: 12 of 50 open, 3 in use; opened 340 times, closed 328`, and who waits. */
export function onDemandText(one: OnDemandDocument): string {
  const { pattern, open, max_open: most, in_use: used, waiting, oldest_wait_seconds: oldest, opened, evicted } = one;
  const queue = waiting === 0 ? '' : `, ${waiting} waiting for up to ${duration(oldest)}`;
  return `${safe(pattern)}: ${open} of ${most} open, ${used} in use${queue}; opened ${opened} times, closed ${evicted}`;
}
