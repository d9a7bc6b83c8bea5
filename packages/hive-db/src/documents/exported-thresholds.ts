import type { DatabaseThresholds, StatedThresholds } from '@hive/shared-db/health';

/** By what the process is judged. */
export interface ExportedThresholds {
  readonly utilisation_warn_ratio: number;
  readonly utilisation_critical_ratio: number;
  readonly fail_when_saturated: boolean;
  readonly oldest_wait_seconds: number;
  readonly timeout_ratio: number;
  readonly lease_seconds: number;
  readonly wal_size_bytes: number;
  readonly slow_statement_seconds: number;
  readonly warn_when_deprecated: boolean;
  /** Absent from exports of earlier versions, and of processes of one. */
  readonly blocked_ratio?: number;
}

/** By what a database is judged. */
export interface ExportedDatabaseThresholds {
  readonly utilisation_warn_ratio: number;
  readonly utilisation_critical_ratio: number;
  readonly fail_when_saturated: boolean;
  readonly oldest_wait_seconds: number;
  readonly timeout_ratio: number;
  readonly acquire_factor: number;
  readonly acquire_floor_seconds: number;
  readonly error_ratio: number;
  readonly recycles_per_minute: number;
  readonly lease_seconds: number;
  readonly suspected_leaks: number;
  readonly wal_size_bytes: number;
  readonly slow_statement_seconds: number;
}

export function exportOfThresholds(thresholds: StatedThresholds): ExportedThresholds {
  return {
    utilisation_warn_ratio: thresholds.utilisationWarn,
    utilisation_critical_ratio: thresholds.utilisationCritical,
    fail_when_saturated: thresholds.failWhenSaturated,
    oldest_wait_seconds: thresholds.oldestWaitMs / 1_000,
    timeout_ratio: thresholds.timeoutShare,
    lease_seconds: thresholds.leaseMs / 1_000,
    wal_size_bytes: thresholds.walBytes,
    slow_statement_seconds: thresholds.slowStatementMs / 1_000,
    warn_when_deprecated: thresholds.warnWhenDeprecated,
    ...(thresholds.blockedShare === undefined ? {} : { blocked_ratio: thresholds.blockedShare }),
  };
}

export function exportOfDatabaseThresholds(
  thresholds: DatabaseThresholds | undefined,
): ExportedDatabaseThresholds | null {
  if (thresholds === undefined) return null;
  return {
    utilisation_warn_ratio: thresholds.utilisationWarn,
    utilisation_critical_ratio: thresholds.utilisationCritical,
    fail_when_saturated: thresholds.failWhenSaturated,
    oldest_wait_seconds: thresholds.oldestWaitMs / 1_000,
    timeout_ratio: thresholds.timeoutShare,
    acquire_factor: thresholds.acquireFactor,
    acquire_floor_seconds: thresholds.acquireFloorMs / 1_000,
    error_ratio: thresholds.errorShare,
    recycles_per_minute: thresholds.recyclesPerMinute,
    lease_seconds: thresholds.leaseMs / 1_000,
    suspected_leaks: thresholds.suspectedLeaks,
    wal_size_bytes: thresholds.walBytes,
    slow_statement_seconds: thresholds.slowStatementMs / 1_000,
  };
}
