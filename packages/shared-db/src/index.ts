export { openDatabaseService, settingsOf } from './service/open-database-service.ts';
export type { DatabaseService, EchoOptions, ServiceCloseReport, ThresholdOptions } from './service/database-service.ts';
export { reloadOnSignal } from './control/reload-on-signal.ts';
export type { ReloadReport, SettingChange } from './config/changes.ts';
export type { DatabaseOf, DatabasesOf, Definitions, ServiceConfig } from './service/service-config.ts';
export type { OnDemandTerms } from './on-demand/terms.ts';
export {
  configureDatabaseService,
  databaseHealthCheck,
  getDatabaseService,
  getDatabaseStats,
  getManagedSession,
} from './service/configured-service.ts';

export { sqlite, type SqliteOptions } from './sqlite.ts';
export type { SqliteDatabase } from './sqlite/sqlite-database.ts';
export type { OffloadOptions, OffloadParameters } from './offload/offloaded-reads.ts';
export type { ChangeListener, ChangeOptions, DatabaseChange, StopListening } from './changes/database-change.ts';
export type { SyncConnection, SyncTransaction } from './sqlite/sync-scope.ts';
export type { Migration } from './sqlite/migrations.ts';
export type { IntegerMode } from './sqlite/integers.ts';

export type {
  CallOptions,
  ReadOptions,
  Database,
  DatabaseContext,
  DatabaseDefinition,
  ManagedDatabase,
  TransactionOptions,
  WriteOptions,
} from './database.ts';
export type { Priority } from './lane/member.ts';
export type { Connection, Transaction } from './driver/scope.ts';
export type {
  OpenSession,
  ReadOnlySession,
  ReadOnlySessionOptions,
  Session,
  SessionConnection,
  SessionOptions,
} from './driver/session.ts';
export type {
  Access,
  Bindable,
  Driver,
  DriverConnection,
  ServerLimits,
  Failure,
  Phase,
  Row,
  RunResult,
  SqlValue,
} from './driver/driver.ts';
export { driverDatabase, type DriverDatabaseOptions } from './driver/driver-database.ts';

export { DatabaseError, ERROR_CODES, isKind, isMisconfiguration } from './errors.ts';
export type { Culprit, DatabaseErrorCode, ErrorDetails, ErrorKind, WaiterAhead } from './errors.ts';
export { deprecationLedger, noteDeprecated, type Deprecation } from './deprecations.ts';
export { judge, type Verdict } from './health/verdict.ts';
export { DEFAULT_THRESHOLDS, type DatabaseThresholds, type Thresholds } from './health/thresholds.ts';
export type { DatabaseTrend, RaisedReason, ServiceTrend } from './health/trend.ts';
export type { Reason, ReasonCode, VerdictStatus } from './health/reason.ts';
export type { Logger, LogLevel } from './logger.ts';
export type {
  ConnectionUse,
  DatabaseCounters,
  DatabaseSnapshot,
  DatabaseStatus,
  DeprecationSnapshot,
  LabelSnapshot,
  CheckpointSnapshot,
  LaneSnapshot,
  LaneWork,
  LeaseSnapshot,
  OffloadedSnapshot,
  OffloadSnapshot,
  OnDemandSnapshot,
  RepairSnapshot,
  ServiceSnapshot,
  SlowStatementSnapshot,
  StatementSnapshot,
  WaiterSnapshot,
} from './snapshot.ts';

export {
  createLimit,
  systemClock,
  type Clock,
  type FlushMode,
  type FlushReport,
  type LeaseInfo,
  type SharedLimit,
  type Timer,
} from '@hive/pool';
