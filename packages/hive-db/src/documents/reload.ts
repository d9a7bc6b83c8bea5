import type { ControlVerb, ReloadReport } from '@hive/shared-db/presence';
import type { Inquiry } from '../inquiry.ts';
import { progressOf, type ProcessControl, type Told } from './control.ts';
import { unansweredOf, type Unanswered } from './process.ts';

/** The verbs about settings. */
export type SettingsVerb = Extract<ControlVerb, 'reload' | 'echo' | 'log-level' | 'threshold'>;

/** `reload --json`, hive-db/reload/v1; the same for `echo`, `log-level` and `threshold`. */
export interface ReloadDocument extends Unanswered {
  readonly schema: `hive-db/${SettingsVerb}/v1`;
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

/** What changed in each process because of a verb. */
export function reloadDocument(
  verb: SettingsVerb,
  told: readonly Told[],
  inquiry: Pick<Inquiry, 'unreachable'>,
): ReloadDocument {
  const processes = told.map((one) => processOf(verb, one));
  return { schema: `hive-db/${verb}/v1`, processes, ...unansweredOf(inquiry) };
}

function processOf(verb: SettingsVerb, { target, outcome }: Told): ProcessReload {
  const { pid, app } = target;
  const progress = progressOf(verb, outcome);
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
