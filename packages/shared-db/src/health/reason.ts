/** `pass` and `warn` serve, `fail` should get no more work. */
export type VerdictStatus = 'pass' | 'warn' | 'fail';

/** What kind of thing is wrong. The list is closed and the words are stable: alerts and scripts compare them. */
export type ReasonCode =
  | 'failed'
  | 'fenced'
  | 'disk-full'
  | 'opening'
  | 'closed'
  | 'suspended'
  | 'saturated'
  | 'waiting'
  | 'waiting-to-write'
  | 'slow-commits'
  | 'polling'
  | 'timeouts'
  | 'long-lease'
  | 'leaked'
  | 'abandoned'
  | 'wal'
  | 'pinned'
  | 'checkpoints'
  | 'fallback'
  | 'deprecated'
  | 'settings'
  | 'warning'
  | 'blocked'
  | 'closing';

/** One thing that is not as it should be. */
export interface Reason {
  readonly status: Exclude<VerdictStatus, 'pass'>;
  readonly code: ReasonCode;
  /** Undefined where the whole process is meant. */
  readonly database: string | undefined;
  /** One sentence with the figures that show it, without a full stop. It may name labels and paths: not for strangers. */
  readonly evidence: string;
  /** What to do about it. */
  readonly advice: string;
}

/** The worst status among the reasons; `pass` when there are none. */
export function worstStatus(reasons: readonly Reason[]): VerdictStatus {
  if (reasons.some(({ status }) => status === 'fail')) return 'fail';
  return reasons.length > 0 ? 'warn' : 'pass';
}
