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
  | 'acquire-time'
  | 'slow-commits'
  | 'polling'
  | 'timeouts'
  | 'errors'
  | 'recycling'
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
  /**
   * Since when, in milliseconds since 1970: to the second, because that is how often a process looks at itself. It stays the same for as
   * long as the reason is there. Undefined where the process did not say: one of an earlier version, or an adapter without a service.
   */
  readonly since: number | undefined;
  /** For how long, by a clock that does not jump. */
  readonly forMs: number | undefined;
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
