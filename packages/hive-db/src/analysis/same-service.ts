import type { ServiceSnapshot } from '@hive/shared-db';
import type { Answered, Inquiry } from '../inquiry.ts';

/** What the same service said at an earlier look: not a later process of that number, nor another service of the same process. */
export function sameService({ pid, snapshot }: Answered, earlier: Inquiry | undefined): ServiceSnapshot | undefined {
  return earlier?.answered.find(
    (one) => one.pid === pid && one.snapshot.app === snapshot.app && one.snapshot.startedAt === snapshot.startedAt,
  )?.snapshot;
}
