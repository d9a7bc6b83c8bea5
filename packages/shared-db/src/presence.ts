// What a command line needs and nothing more: this entry must load neither the database engine nor the configuration's libraries.
export { runtimeDirectory } from './presence/runtime-directory.ts';
export { startPresence, type Presence, type PresenceOptions } from './presence/presence-server.ts';
export { isDatabaseName } from './config/database-name.ts';
export { WRITTEN_THRESHOLDS } from './config/setting.ts';
export { SHOWN_STATEMENTS } from './snapshot.ts';
export { removeStaleSockets, staleSockets } from './presence/stale-sockets.ts';
export {
  listProcesses,
  listRecordings,
  locateProcesses,
  type ListOptions,
  type LocatedReport,
  type ProcessReport,
  type RecordingReport,
} from './presence/process-list.ts';
export { giveOrder, type OrderOptions, type OrderOutcome } from './presence/order.ts';
export {
  CONTROL_VERBS,
  ECHO_SUBJECTS,
  FLUSH_MODES,
  LEVEL_WORDS,
  MOST_CONNECTIONS,
  WAITS_FOR,
  type ControlOrder,
  type ControlRequest,
  type ControlVerb,
} from './control/verb.ts';
export { STILL_LIMIT_MS } from './control/stillness.ts';
export type { ControlFailure, ControlReport, DatabaseControl, PoolState, RevokedLease } from './control/report.ts';
export type { ReloadReport, SettingChange } from './config/changes.ts';
export { jsonExcess } from './presence/json-excess.ts';
export { isRecord, misfit, type Shape } from './presence/shape.ts';
export { FlightRecorder, type Step } from './presence/flight-recorder.ts';
export { FIGURES, type DatabaseRecording, type Figure, type Recording } from './presence/recording.ts';
export {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeOrder,
  encodeRequest,
  MAX_ANSWER_BYTES,
  MAX_REQUEST_BYTES,
  VERBS,
  type Answer,
  type ControlProgress,
  type DecodedAnswer,
  type RefusalCode,
  type Request,
  type Verb,
} from './presence/protocol.ts';
export { systemClock } from '@hive/pool/clock';
export { looksGone, thisProcess, type ProcessIdentity } from './presence/process-identity.ts';
