import type { Reason } from '@hive/shared-db/health';
import { moment } from './process.ts';

/** Since when something is so, and for how long; null where its process did not say. */
export interface Lasting {
  /** RFC 3339. */
  readonly since: string | null;
  readonly for_seconds: number | null;
}

/** Since when a reason is there, in the words of all documents. */
export function lastingOf({ since, forMs }: Pick<Reason, 'since' | 'forMs'>): Lasting {
  return {
    since: since === undefined ? null : moment(since),
    for_seconds: forMs === undefined ? null : forMs / 1_000,
  };
}
