import type { ReloadReport } from '@hive/shared-db/presence';
import type { Inquiry } from '../inquiry.ts';
import { progressOf, type ProcessControl, type Told } from './control.ts';
import { unansweredOf, type Unanswered } from './process.ts';

/** `reload --json`, hive-db/reload/v1. */
export interface ReloadDocument extends Unanswered {
  readonly schema: 'hive-db/reload/v1';
  readonly processes: readonly ProcessReload[];
}

/** What one process did. `failed` is one whose settings are not valid: it goes on with those that it had. */
export interface ProcessReload extends Omit<ProcessControl, 'databases'> {
  /** Null where it is not known what became of it. */
  readonly settings: ReloadedSettings | null;
}

export interface ReloadedSettings {
  readonly outcome: ReloadReport['outcome'];
  readonly changes: readonly ChangedSetting[];
  /** Why nothing was changed, one sentence each; empty where the settings are valid. */
  readonly problems: readonly string[];
}

export interface ChangedSetting {
  readonly key: string;
  /** As a settings file gives it; empty where nothing was set, `***` for a secret. */
  readonly from: string;
  readonly from_origin: string;
  readonly to: string;
  readonly to_origin: string;
  /** `applied`: in force now; `needs-restart`: the process goes on with `from`. */
  readonly effect: 'applied' | 'needs-restart';
}

export function reloadDocument(told: readonly Told[], inquiry: Pick<Inquiry, 'unreachable'>): ReloadDocument {
  return { schema: 'hive-db/reload/v1', processes: told.map(processOf), ...unansweredOf(inquiry) };
}

function processOf({ target, outcome }: Told): ProcessReload {
  const { pid, app } = target;
  const progress = progressOf('reload', outcome);
  const report = outcome.state === 'done' ? outcome.report.settings : undefined;
  if (report === undefined) return { pid, app, ...progress, settings: null };
  const settings = {
    outcome: report.outcome,
    problems: report.problems,
    changes: report.changes.map(({ key, from, fromOrigin, to, toOrigin, effect }) => {
      return { key, from, from_origin: fromOrigin, to, to_origin: toOrigin, effect };
    }),
  };
  if (report.outcome !== 'invalid') return { pid, app, ...progress, settings };
  const reason = 'its settings are not valid; it goes on with those that it had';
  return { pid, app, ...progress, outcome: 'failed', reason, settings };
}
