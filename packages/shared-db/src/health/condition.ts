import type { ServiceSnapshot } from '../snapshot.ts';
import { IMMEDIATE, type Damping } from './alarm.ts';
import type { Reason, ReasonCode } from './reason.ts';

/** The part of a snapshot that a verdict is made from. */
export type Judged = Pick<
  ServiceSnapshot,
  | 'takenAt'
  | 'uptimeMs'
  | 'closing'
  | 'eventLoop'
  | 'thresholds'
  | 'trend'
  | 'settingsFault'
  | 'databases'
  | 'onDemand'
  | 'fallbacks'
  | 'deprecations'
  | 'warnings'
>;

/** What a reason says, beside where and since when. */
export interface Wording {
  readonly evidence: string;
  readonly advice: string;
}

/** How a condition was found: worse than its mark for a warning, and already over or still. */
export interface Finding {
  readonly isCritical: boolean;
  /** How long ago the figure was last over its mark; 0 while it is. */
  readonly overAgoMs: number;
}

/** Something that may be wrong. It is a reason while its figure is over its mark, and, damped, a little later and longer. */
export interface Condition {
  readonly code: ReasonCode;
  readonly database: string | undefined;
  /** Which of several of one code. */
  readonly subject: string | undefined;
  /** The figure as a share of its mark: from 1 on it is over. */
  readonly level: number;
  /** The same of what is critical; 0 where nothing is. */
  readonly criticalLevel: number;
  readonly damping: Damping;
  readonly statusOf: (finding: Finding) => Reason['status'];
  readonly wording: (finding: Finding) => Wording;
}

/** What is so or is not, and is said at once. */
export function fact(
  code: ReasonCode,
  status: Reason['status'],
  wording: Wording,
  where: { readonly database?: string; readonly subject?: string } = {},
): Condition {
  return {
    code,
    database: where.database,
    subject: where.subject,
    level: 1,
    criticalLevel: 0,
    damping: IMMEDIATE,
    statusOf: () => status,
    wording: () => wording,
  };
}
