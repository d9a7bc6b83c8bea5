import { causeOf, type Cause, type CauseVerdict, type Culprit } from '../analysis/cause.ts';
import { systemCommand } from '../analysis/remedy.ts';
import type { Inquiry } from '../inquiry.ts';
import { companyOf, type Sighting } from './holder.ts';
import { databaseLocks } from './locks.ts';
import { shellWord } from '../shell-word.ts';
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

/** Pure. */
export function whyDocument(database: string, sighting: Sighting, inquiry: Inquiry): WhyDocument {
  const { path } = sighting;
  const { ours, names } = companyOf(sighting, inquiry.answered);
  const cause = causeOf(databaseLocks(sighting, inquiry.answered), ours);
  const { verdict, sentence, culprits } = cause;
  return {
    schema: 'hive-db/why/v1',
    database,
    path,
    verdict,
    sentence,
    culprits,
    next: nextOf(cause, database, names[0]),
    ...unansweredOf(inquiry),
  };
}

/** Where more is to be learnt. Of a stranger only the system knows more. `name` is how processes call the database. */
function nextOf({ verdict, culprits: [culprit] }: Cause, database: string, name: string | undefined): string | null {
  if (culprit?.app === null) return systemCommand(culprit.pid);
  switch (verdict) {
    case 'connections':
      return name === undefined ? 'hive-db ps' : `hive-db ps --database ${shellWord(name)}`;
    case 'suspended':
      return name === undefined ? null : `hive-db resume ${shellWord(name)}`;
    case 'stuck':
      return 'hive-db ps --kind running';
    case 'log':
      return `hive-db wal ${shellWord(database)}`;
    case 'none':
      return null;
    case 'readers':
    case 'write-lock':
    case 'held':
    default:
      return `hive-db locks ${shellWord(database)}`;
  }
}
