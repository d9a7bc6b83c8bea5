import { DEFAULT_DATABASE_SETTINGS, type DatabaseSettings } from '../database-settings.ts';
import {
  DEFAULT_DATABASE_THRESHOLDS,
  DEFAULT_THRESHOLDS,
  type DatabaseThresholds,
  type Thresholds,
} from '../health/thresholds.ts';
import type { LogLevel } from '../logger.ts';
import type { ChosenProfile } from './profile.ts';

export type { AutoSizeSettings, BudgetSettings } from '../database-settings.ts';
export { DEFAULT_BUDGET_SETTINGS } from '../database-settings.ts';

/** Who is shown more of the health page than a status: nobody, whoever is authorised, everybody. */
export type HealthDetails = 'never' | 'when-authorized' | 'always';

/** Everything about one database. */
export interface NamedDatabaseSettings extends DatabaseSettings {
  /** Its file, in place of the one that the code names. Default undefined: the code's. */
  readonly path: string | undefined;
  /** What it is judged by. */
  readonly thresholds: DatabaseThresholds;
}

/** What can be said of all databases at once. Thresholds that hold for all stand beside those of the process. */
export type SharedDatabaseSettings = Omit<NamedDatabaseSettings, 'required' | 'path' | 'budgets' | 'thresholds'>;

/** Whether and how the process serves its health over HTTP by itself, from a thread that answers also while the main one is stuck. */
export interface HttpSettings {
  /** 0 is any free one. Default false, not at all: a port is opened only where somebody asked for it. */
  readonly port: number | false;
  /** The address that is listened on. Default `127.0.0.1`: nobody beyond this machine. */
  readonly host: string;
  /** What a `Host` header may name beside this machine and `host`, with commas between. Default undefined: nothing. */
  readonly allowedHosts: string | undefined;
  /** Who says it after `Authorization: Bearer` is authorised to see details. Default undefined: nobody is. */
  readonly token: string | undefined;
  /**
   * For how long the event loop may have stood still before `/livez` fails. Default 0, for ever: a restart would end a long statement
   * halfway, and the next process would begin it again. `/readyz` fails after a second in any case.
   */
  readonly livezFailsAfterMs: number;
}

/** Everything about the process, and no database in particular. */
export interface ServiceSettings {
  /** The directory that no database file may leave. Default undefined: anything goes. */
  readonly dataDirectory: string | undefined;
  /** Where processes of one host find each other. Default undefined: it is derived from the user. */
  readonly runtimeDirectory: string | undefined;
  /** Whether other processes may find this one. Default true: what cannot be found cannot be asked who holds the lock. */
  readonly presence: boolean;
  /** How many statements `offload` runs at once. Default undefined: one less than there are processors, and at least one. */
  readonly offloadWorkers: number | undefined;
  /** From which level on the service logs. Default undefined: as its logger does by itself. */
  readonly logLevel: LogLevel | undefined;
  /** Default `when-authorized`, which is nobody until the app says who is. */
  readonly healthDetails: HealthDetails;
  readonly http: HttpSettings;
  readonly thresholds: Thresholds;
}

/** One effective value and the place that decided it. */
export interface SettingOrigin {
  /** As a settings file spells it: `databases.orders.pool.size`. */
  readonly key: string;
  /** Undefined where nothing is set. */
  readonly value: string | number | boolean | undefined;
  readonly unit: 'ms' | 'bytes' | undefined;
  /** `default`, `code`, `settings.yaml:12`, `environment DB_POOL_SIZE`, `file /run/secrets/x (DB_POOL_SIZE_FILE)`. */
  readonly origin: string;
}

/** Complete, checked and frozen: nothing behind it looks at a file or a variable again. */
export interface ResolvedSettings extends ServiceSettings {
  /** What a database gets that nothing is said about. */
  readonly database: SharedDatabaseSettings;
  /** By name, for every database asked for. It has no prototype, so that any name is safe to look up. */
  readonly databases: Readonly<Record<string, NamedDatabaseSettings>>;
  /**
   * The pattern that one of these is by, where it has no definition of its own: what nobody says of it alone it has from there. It has no
   * prototype either.
   */
  readonly patterns: Readonly<Record<string, string>>;
  /** Which profile of the settings file is in force; undefined where none is. */
  readonly profile: ChosenProfile | undefined;
  /** Every value above but this, with the place that decided it. */
  readonly origins: readonly SettingOrigin[];
}

/** What holds for a database where nobody says otherwise. */
export const DEFAULT_NAMED_SETTINGS: NamedDatabaseSettings = Object.freeze({
  ...DEFAULT_DATABASE_SETTINGS,
  path: undefined,
  thresholds: DEFAULT_DATABASE_THRESHOLDS,
});

/** What holds for the process where nobody says otherwise. */
export const DEFAULT_SERVICE_SETTINGS: ServiceSettings = Object.freeze({
  dataDirectory: undefined,
  runtimeDirectory: undefined,
  presence: true,
  offloadWorkers: undefined,
  logLevel: undefined,
  healthDetails: 'when-authorized',
  http: Object.freeze({
    port: false,
    host: '127.0.0.1',
    allowedHosts: undefined,
    token: undefined,
    livezFailsAfterMs: 0,
  }),
  thresholds: DEFAULT_THRESHOLDS,
});
