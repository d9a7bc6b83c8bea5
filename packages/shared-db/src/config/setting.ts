import { DEFAULT_DATABASE_THRESHOLDS, type DatabaseThresholds, type Thresholds } from '../health/thresholds.ts';
import { LOG_LEVELS } from '../logger.ts';
import {
  DEFAULT_BUDGET_SETTINGS,
  DEFAULT_NAMED_SETTINGS,
  DEFAULT_SERVICE_SETTINGS,
  type AutoSizeSettings,
  type BudgetSettings,
  type HttpSettings,
  type NamedDatabaseSettings,
  type ServiceSettings,
} from './resolved-settings.ts';
import * as kind from './value-kind.ts';

/** One thing that can be set, and how each source calls it. */
export interface Setting {
  /** In code, with its unit: `acquireTimeoutMs`, `thresholds.walBytes`. */
  readonly field: string;
  /** In a settings file, below `database` or `databases.<name>`: `pool.acquireTimeout`. */
  readonly key: string;
  /** In the environment. `DB_POOL_SIZE` is for all databases, `DB_ORDERS__POOL_SIZE` for one of them. */
  readonly variable?: string;
  readonly kind: kind.ValueKind;
  /** What it means, for whoever writes a settings file. */
  readonly about: string;
  /** Whether another value applies while the process runs; false: it needs a restart. */
  readonly live: boolean;
  /** The value where no source gives one. */
  readonly initial: kind.SettingValue | undefined;
}

/** The part of a setting that is written by hand: the rest follows from what it is filed under. */
type Entry = Pick<Setting, 'key' | 'variable' | 'kind' | 'about'> & { readonly live?: true };

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
const TIB = 1_024 ** 4;

const OF_A_DATABASE: Readonly<Record<keyof Omit<NamedDatabaseSettings, 'autoSize' | 'budgets' | 'thresholds'>, Entry>> =
  {
    poolSize: {
      key: 'pool.size',
      live: true,
      variable: 'DB_POOL_SIZE',
      kind: kind.wholeNumber(1, 1_000),
      about: 'Connections kept; on SQLite, readers, opened when they are needed.',
    },
    maxOverflow: {
      key: 'pool.maxOverflow',
      live: true,
      variable: 'DB_MAX_OVERFLOW',
      kind: kind.wholeNumber(0, 1_000),
      about: 'Connections beyond size while there is demand.',
    },
    initialSize: {
      key: 'pool.initial',
      variable: 'DB_POOL_INITIAL',
      kind: kind.wholeNumber(0, 1_000),
      about: 'Connections that are opened with the database, before anybody asks for one; at most size.',
    },
    acquireTimeoutMs: {
      key: 'pool.acquireTimeout',
      live: true,
      variable: 'DB_POOL_TIMEOUT',
      kind: kind.duration(1, HOUR_MS),
      about: 'How long a caller waits for a connection. A bare number is seconds.',
    },
    recycleMs: {
      key: 'pool.recycle',
      live: true,
      variable: 'DB_POOL_RECYCLE',
      kind: kind.durationOrNever(1_000, WEEK_MS),
      about: 'Age at which a connection is replaced; 0 or -1 is never. A bare number is seconds.',
    },
    leakAfterMs: {
      key: 'pool.leakAfter',
      live: true,
      variable: 'DB_POOL_LEAK_AFTER',
      kind: kind.duration(1, WEEK_MS),
      about:
        'How long a connection may go unused by who holds it before that is suspected to be a leak; by default as health.leaseAge. A bare number is seconds.',
    },
    captureEvery: {
      key: 'pool.captureEvery',
      live: true,
      variable: 'DB_POOL_CAPTURE_EVERY',
      kind: kind.wholeNumber(0, 1_000_000),
      about:
        'Of one call in this many it is remembered where it borrowed its connection; 0 is of no more than captureApart.',
    },
    captureApartMs: {
      key: 'pool.captureApart',
      live: true,
      variable: 'DB_POOL_CAPTURE_APART',
      kind: kind.durationOrNever(1, HOUR_MS),
      about:
        'Of a call it is remembered where it borrowed its connection when it is of none for so long; 0 or -1 is never. A bare number is seconds.',
    },
    echo: {
      key: 'pool.echo',
      live: true,
      variable: 'DB_ECHO_POOL',
      kind: kind.flagOr('debug'),
      about: 'Whether the pool logs its events; debug logs them at that level.',
    },
    echoStatements: {
      key: 'echo',
      live: true,
      variable: 'DB_ECHO',
      kind: kind.flagOr('debug'),
      about: 'Whether statements are logged, without any value; debug logs them at that level.',
    },
    durability: {
      key: 'durability',
      variable: 'DB_DURABILITY',
      kind: kind.choice('full', 'normal'),
      about: 'What an acknowledged write survives: full, a power loss; normal, a crash of the process.',
    },
    required: {
      key: 'required',
      live: true,
      variable: 'DB_REQUIRED',
      kind: kind.flag(),
      about: 'Whether the process is no use without this database.',
    },
    path: {
      key: 'path',
      variable: 'DB_PATH',
      kind: kind.path(),
      about: 'The file of this database, in place of the one that the code names.',
    },
  };

const OF_AUTO_SIZE: Readonly<Record<keyof AutoSizeSettings, Entry>> = {
  min: {
    key: 'pool.autoSize.min',
    live: true,
    variable: 'DB_POOL_AUTO_SIZE_MIN',
    kind: kind.wholeNumber(1, 1_000),
    about:
      'The fewest connections where the pool finds its size by itself, and where it begins; by default it does not.',
  },
  max: {
    key: 'pool.autoSize.max',
    live: true,
    variable: 'DB_POOL_AUTO_SIZE_MAX',
    kind: kind.wholeNumber(1, 1_000),
    about: 'The most connections where the pool finds its size by itself.',
  },
};

const OF_A_BUDGET: Readonly<Record<keyof BudgetSettings, Entry>> = {
  reserved: {
    key: 'reserved',
    live: true,
    kind: kind.wholeNumber(0, 1_000),
    about: 'Connections that this budget comes first for; nothing is kept idle.',
  },
  max: {
    key: 'max',
    live: true,
    kind: kind.wholeNumber(1, 1_000),
    about: 'The most connections that it may have; by default as many as the pool.',
  },
  weight: {
    key: 'weight',
    live: true,
    kind: kind.number(0.01, 1_000),
    about: 'Its share of what is not reserved, in proportion to the weights of the others.',
  },
};

const OF_THE_SERVICE: Readonly<Record<keyof Omit<ServiceSettings, 'thresholds' | 'http'>, Entry>> = {
  dataDirectory: {
    key: 'dataDirectory',
    kind: kind.path(),
    about: 'The directory that no database file may leave, and that relative paths start from.',
  },
  runtimeDirectory: {
    key: 'runtimeDirectory',
    variable: 'HIVE_RUNTIME_DIR',
    kind: kind.absolutePath(),
    about: 'Where the processes of one host find each other.',
  },
  presence: { key: 'presence', kind: kind.flag(), about: 'Whether other processes may find this one.' },
  offloadWorkers: {
    key: 'offload.workers',
    variable: 'DB_OFFLOAD_WORKERS',
    kind: kind.wholeNumber(1, 64),
    about:
      'Statements that offload runs at once, in threads and in processes each; by default one less than there are processors.',
  },
  logLevel: {
    key: 'log.level',
    live: true,
    variable: 'DB_LOG_LEVEL',
    kind: kind.choice(...LOG_LEVELS),
    about: 'From which level on the service logs; by default as its logger does by itself.',
  },
  healthDetails: {
    key: 'health.details',
    kind: kind.choice('never', 'when-authorized', 'always'),
    about: 'Who is shown more of the health page than a status.',
  },
};

const OF_HTTP: Readonly<Record<keyof HttpSettings, Entry>> = {
  port: {
    key: 'http.port',
    variable: 'DB_HTTP_PORT',
    kind: kind.wholeNumberOrOff(0, 65_535),
    about: 'Port on which the process serves its health and metrics; 0 is any free one, false is none.',
  },
  host: {
    key: 'http.host',
    variable: 'DB_HTTP_HOST',
    kind: kind.host(),
    about: 'Address that the port is opened on; another than that of this machine alone shows health to the network.',
  },
  allowedHosts: {
    key: 'http.allowedHosts',
    variable: 'DB_HTTP_ALLOWED_HOSTS',
    kind: kind.hosts(),
    about: 'What a Host header may name beside this machine and host, with commas between.',
  },
  token: {
    key: 'http.token',
    variable: 'DB_HTTP_TOKEN',
    kind: kind.secret(),
    about: 'Who sends it as a bearer token is authorised to see details of health.',
  },
  livezFailsAfterMs: {
    key: 'http.livezFailsAfter',
    kind: kind.durationOrNever(1_000, WEEK_MS),
    about: 'How long the event loop may stand still before livez fails; 0 is for ever. A bare number is seconds.',
  },
};

const OF_THE_LOAD: Readonly<Record<keyof DatabaseThresholds, Entry>> = {
  utilisationWarn: {
    key: 'health.utilisationWarn',
    live: true,
    kind: kind.share(),
    about: 'Share of a pool in use, over a quarter of a minute, from which on there is a warning.',
  },
  utilisationCritical: {
    key: 'health.utilisationCritical',
    live: true,
    kind: kind.share(),
    about: 'Share of a pool in use that is critical.',
  },
  failWhenSaturated: {
    key: 'health.failWhenSaturated',
    live: true,
    kind: kind.flag(),
    about: 'Whether a critically used pool fails the health check (503) instead of warning.',
  },
  oldestWaitMs: {
    key: 'health.oldestWait',
    live: true,
    kind: kind.duration(1, HOUR_MS),
    about: 'How long the oldest waiter may have waited. A bare number is seconds.',
  },
  timeoutShare: {
    key: 'health.timeoutShare',
    live: true,
    kind: kind.share(),
    about: 'Share of waits for a connection that may have timed out within a minute.',
  },
  acquireFactor: {
    key: 'health.acquireFactor',
    live: true,
    kind: kind.wholeNumber(2, 1_000_000),
    about: 'How many times as long as usual it may take to get a connection, one time in a hundred.',
  },
  acquireFloorMs: {
    key: 'health.acquireFloor',
    live: true,
    kind: kind.duration(1, HOUR_MS),
    about: 'What it may take in any case, however quick it is usually. A bare number is seconds.',
  },
  errorShare: {
    key: 'health.errorShare',
    live: true,
    kind: kind.share(),
    about: 'Share of calls that may have failed within a minute, five at least; what callers expect does not count.',
  },
  recyclesPerMinute: {
    key: 'health.recyclesPerMinute',
    live: true,
    kind: kind.wholeNumber(1, 1_000_000),
    about: 'How often a minute each connection of a pool may be closed and replaced.',
  },
  leaseMs: {
    key: 'health.leaseAge',
    live: true,
    kind: kind.duration(1, WEEK_MS),
    about: 'How long a lease may be held and not be used before it is suspected of leaking. A bare number is seconds.',
  },
  suspectedLeaks: {
    key: 'health.suspectedLeaks',
    live: true,
    kind: kind.wholeNumber(0, 1_000_000),
    about: 'How many leases may be suspected of leaking.',
  },
  walBytes: {
    key: 'health.walSize',
    live: true,
    kind: kind.size(4_096, TIB),
    about:
      'How large a write-ahead log may grow, and that of a large database to twice its size. A bare number is bytes.',
  },
  slowStatementMs: {
    key: 'health.slowStatement',
    live: true,
    kind: kind.duration(1, HOUR_MS),
    about: 'How long a statement may run before it is remembered and said in the log. A bare number is seconds.',
  },
};

const OF_THE_VERDICT: Readonly<Record<keyof Thresholds, Entry>> = {
  ...OF_THE_LOAD,
  blockedShare: {
    key: 'health.blockedShare',
    live: true,
    kind: kind.share(),
    about: 'Share of a minute for which the event loop may have stood still, half a second or more at once.',
  },
  warnWhenDeprecated: {
    key: 'health.warnWhenDeprecated',
    live: true,
    kind: kind.flag(),
    about: 'Whether use of a deprecated API is a warning.',
  },
};

/** The bounds of a pool that finds its size by itself. */
const AUTO_SIZE_SETTINGS = settings(OF_AUTO_SIZE, DEFAULT_NAMED_SETTINGS.autoSize, 'autoSize.');

/** What can be set for one database, beside its budgets. */
export const DATABASE_SETTINGS: readonly Setting[] = [
  ...settings(OF_A_DATABASE, DEFAULT_NAMED_SETTINGS),
  ...AUTO_SIZE_SETTINGS,
  ...settings(OF_THE_LOAD, DEFAULT_DATABASE_THRESHOLDS, 'thresholds.'),
];

/** What can be set for one budget of a database. */
export function budgetSettings(budget: string): readonly Setting[] {
  return settings(OF_A_BUDGET, DEFAULT_BUDGET_SETTINGS, `budgets.${budget}.`).map((setting) => ({
    ...setting,
    key: `pool.budgets.${budget}.${setting.key}`,
  }));
}

/** What can be set for all databases at once, beside the thresholds, which are the process's own then. */
export const SHARED_SETTINGS: readonly Setting[] = DATABASE_SETTINGS.filter(
  ({ field }) => field !== 'required' && field !== 'path' && !field.startsWith('thresholds.'),
);

/** What can be set for the process. */
export const SERVICE_SETTINGS: readonly Setting[] = [
  ...settings(OF_THE_SERVICE, DEFAULT_SERVICE_SETTINGS),
  ...settings(OF_HTTP, DEFAULT_SERVICE_SETTINGS.http, 'http.'),
  ...settings(OF_THE_VERDICT, DEFAULT_SERVICE_SETTINGS.thresholds, 'thresholds.'),
];

/** What a settings file calls the thresholds, below `health`. */
export const WRITTEN_THRESHOLDS: readonly string[] = Object.values(OF_THE_VERDICT).map(({ key }) =>
  key.slice('health.'.length),
);

function settings<K extends string>(
  entries: Readonly<Record<K, Entry>>,
  defaults: Readonly<{ [N in K]: kind.SettingValue | undefined }>,
  group = '',
): readonly Setting[] {
  return (Object.keys(entries) as K[]).map((name) => ({
    live: false,
    ...entries[name],
    field: `${group}${name}`,
    initial: defaults[name],
  }));
}
