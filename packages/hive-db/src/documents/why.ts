import { causeOf, type CauseVerdict, type Culprit, type Use } from '../analysis/cause.ts';
import type { Inquiry } from '../inquiry.ts';
import { databaseLocks, type Sighting } from './locks.ts';
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
  const { path, aliases } = sighting;
  const uses: readonly Use[] = inquiry.answered.flatMap((process) =>
    process.snapshot.databases.filter((one) => aliases.has(one.path ?? '')).map((one) => ({ process, database: one })),
  );
  const { verdict, sentence, culprits } = causeOf(databaseLocks(sighting, inquiry.answered), uses);
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
