// Plain data and pure functions: what a command or a dashboard needs, without an engine or a schema library.
export { judge, type Verdict } from './health/verdict.ts';
export { STUCK_MS } from './health/service-conditions.ts';
export { presentWriter, type PresentWriter } from './health/present-writer.ts';
export { logLimitBytes } from './health/log-limit.ts';
export { repairWords } from './health/repair-words.ts';
export { LEAKED_LATELY_MS, suspectedLeaks } from './health/suspected-leaks.ts';
export {
  DEFAULT_DATABASE_THRESHOLDS,
  DEFAULT_THRESHOLDS,
  type DatabaseThresholds,
  type StatedThresholds,
  type Thresholds,
} from './health/thresholds.ts';
export type { DatabaseTrend, RaisedReason, ServiceTrend } from './health/trend.ts';
export type { Reason, ReasonCode, VerdictStatus } from './health/reason.ts';
export type {
  DatabaseCounters,
  DatabaseSnapshot,
  DatabaseStatus,
  DeprecationSnapshot,
  LabelSnapshot,
  LaneSnapshot,
  LaneWork,
  LeaseSnapshot,
  ServiceSnapshot,
} from './snapshot.ts';
export { quantileMs, type HistogramSnapshot } from '@hive/pool/histogram';
export { networkFileSystem } from './sqlite/network-file-system.ts';
export { parseLocks, readLockTable, type FileLock } from './sqlite/lock-table.ts';
export { locksOnFile } from './sqlite/locks-on-file.ts';
