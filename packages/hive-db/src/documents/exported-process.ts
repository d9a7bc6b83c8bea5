import type { Answered } from '../inquiry.ts';
import { deprecatedUses, type DeprecatedUse } from './deprecations.ts';
import { exportOfDatabase, type ExportedDatabase } from './exported-database.ts';
import { exportOfThresholds, type ExportedThresholds } from './exported-thresholds.ts';
import { healthOfProcess, type ProcessHealth } from './health.ts';
import { offloadDocument, type OffloadDocument } from './offload.ts';
import { onDemandOf, type OnDemandDocument } from './on-demand.ts';
import { moment } from './process.ts';
import { statedSettingsOf, type StatedSettings } from './stated-settings.ts';
import { servedAt } from './status.ts';

/** One process that has answered. */
export interface ExportedProcess extends ProcessHealth, StatedSettings {
  readonly taken_at: string | null;
  readonly started_at: string | null;
  readonly closing: boolean;
  /** Where it serves its health over HTTP; absent where it does not by itself. */
  readonly http?: { readonly host: string; readonly port: number };
  readonly thresholds: ExportedThresholds;
  /** What reads beside its main thread. Absent, as all that may be, from exports of earlier versions. */
  readonly offload?: OffloadDocument;
  /** Databases by pattern; absent where there are none. */
  readonly on_demand?: readonly OnDemandDocument[];
  readonly databases: readonly ExportedDatabase[];
  readonly labels: readonly ExportedLabel[];
  /** Adapters that work on direct connections, and why. */
  readonly fallbacks: readonly { readonly database: string; readonly reason: string }[];
  readonly deprecations: readonly DeprecatedUse[];
  readonly warnings: readonly string[];
  /** Why the settings that were read last are not in force; null where they are. Absent from exports of earlier versions. */
  readonly settings_fault?: string | null;
}

/** What a process uses its databases for, by the words of its callers. */
export interface ExportedLabel {
  readonly label: string;
  readonly calls: number;
  readonly failures: number;
  /** From call to end, waiting included; an estimate where not every call was timed. */
  readonly total_seconds: number;
  readonly max_seconds: number;
  /** Where it was used: at first, or lately. */
  readonly call_site: string | null;
}

export function exportOfProcess(process: Answered): ExportedProcess {
  const { snapshot } = process;
  return {
    ...healthOfProcess(process),
    taken_at: moment(snapshot.takenAt),
    started_at: moment(snapshot.startedAt),
    closing: snapshot.closing,
    ...servedAt(snapshot),
    thresholds: exportOfThresholds(snapshot.thresholds),
    offload: offloadDocument(snapshot.offload),
    ...onDemandOf(snapshot),
    databases: snapshot.databases.map((database) => exportOfDatabase(database)),
    labels: snapshot.labels.map(({ label, calls, failures, sumMs, maxMs, callSite = null }) => ({
      label,
      calls,
      failures,
      total_seconds: sumMs / 1_000,
      max_seconds: maxMs / 1_000,
      call_site: callSite,
    })),
    fallbacks: snapshot.fallbacks.map(({ database, reason }) => ({ database, reason })),
    deprecations: deprecatedUses(process),
    warnings: snapshot.warnings,
    settings_fault: snapshot.settingsFault ?? null,
    ...statedSettingsOf(snapshot),
  };
}
