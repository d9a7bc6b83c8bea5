import { causeOf, type CauseVerdict, type Culprit } from '../analysis/cause.ts';
import type { Inquiry } from '../inquiry.ts';
import { companyOf, type Sighting } from './holder.ts';
import { databaseLocks } from './locks.ts';
import { unansweredOf, type Unanswered } from './process.ts';

/** `why --json`, hive-db/why/v1: the root of waiting for one database. */
export interface WhyDocument extends Unanswered {
  readonly schema: 'hive-db/why/v1';
  /** As it was asked for. */
  readonly database: string;
  readonly path: string;
  readonly verdict: CauseVerdict;
  readonly sentence: string;
  readonly culprits: readonly Culprit[];
  /** What to type next; null where nothing is wrong. */
  readonly next: string | null;
}

const NEXT: Readonly<Record<CauseVerdict, ((database: string) => string) | undefined>> = {
  'write-lock': (database) => `hive-db locks ${database}`,
  connections: () => 'hive-db diagnose',
  stuck: () => 'hive-db status',
  log: (database) => `hive-db locks ${database}`,
  none: undefined,
};

/** Pure. */
export function whyDocument(database: string, sighting: Sighting, inquiry: Inquiry): WhyDocument {
  const { path } = sighting;
  const { ours } = companyOf(sighting, inquiry.answered);
  const { verdict, sentence, culprits } = causeOf(databaseLocks(sighting, inquiry.answered), ours);
  return {
    schema: 'hive-db/why/v1',
    database,
    path,
    verdict,
    sentence,
    culprits,
    next: NEXT[verdict]?.(database) ?? null,
    ...unansweredOf(inquiry),
  };
}
