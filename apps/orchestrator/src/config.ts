import { likelyKey } from '@hive/shared-db/config';
import { resolve } from 'node:path';
import { z } from 'zod';
import { DEFAULT_DATA_DIRECTORY } from './db/adapter.ts';
import { LOOPBACK_HOSTS } from './http/loopback.ts';
import { complaint, numberInText, oneOf, Refusal, textLike, wholeNumber } from './refusal.ts';
import { BUS_WORKER } from './studies/study-desk.ts';
import { LONGEST_LEASE_MS } from './tasks/redating.ts';
import { WORKER_KIND_NAMES, type WorkerKind } from './tasks/task-kind.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
/** Flags as they were written, by the name of their option. */
export type Flags = Readonly<Record<string, unknown>>;

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** One thing that can be set: by a flag, else by a variable, else its default. */
interface Setting<T> {
  readonly flag?: string;
  readonly variable: string;
  readonly initial: T;
  readonly schema: z.ZodType<T>;
}

const SETTINGS = {
  dataDirectory: setting({
    flag: '--data-dir',
    variable: 'ORCHESTRATOR_DATA_DIR',
    initial: DEFAULT_DATA_DIRECTORY,
    schema: textLike(/^[^\0]*[^\s\0][^\0]*$/, 'the path of a directory'),
  }),
  logLevel: setting<(typeof LOG_LEVELS)[number]>({
    flag: '--log-level',
    variable: 'ORCHESTRATOR_LOG_LEVEL',
    initial: 'info',
    schema: oneOf(LOG_LEVELS),
  }),
  host: setting<(typeof LOOPBACK_HOSTS)[number]>({
    flag: '--host',
    variable: 'ORCHESTRATOR_HOST',
    initial: '127.0.0.1',
    schema: oneOf(LOOPBACK_HOSTS),
  }),
  // 0 lets the system choose one.
  port: setting({
    flag: '--port',
    variable: 'ORCHESTRATOR_PORT',
    initial: 8787,
    schema: numberInText(wholeNumber(0, 65_535)),
  }),
  healthToken: setting<string | undefined>({
    variable: 'ORCHESTRATOR_HEALTH_TOKEN',
    initial: undefined,
    schema: textLike(/^[\x21-\x7e]{8,200}$/, 'a secret of 8 to 200 visible ASCII characters'),
  }),
  kinds: setting<readonly WorkerKind[]>({
    flag: '--kinds',
    variable: 'ORCHESTRATOR_KINDS',
    initial: WORKER_KIND_NAMES,
    schema: z
      .string()
      .transform(splitAtCommas)
      .pipe(z.array(oneOf(WORKER_KIND_NAMES)).nonempty()),
  }),
  name: setting<string | undefined>({
    flag: '--name',
    variable: 'ORCHESTRATOR_WORKER_NAME',
    initial: undefined,
    schema: textLike(NAME, 'a lower-case letter, then up to 62 lower-case letters, digits, - or _').refine(
      (name) => name !== BUS_WORKER,
      { error: `another name than ${BUS_WORKER}, which studies wait under` },
    ),
  }),
  concurrency: setting({
    flag: '--concurrency',
    variable: 'ORCHESTRATOR_CONCURRENCY',
    // Handlers wait more than they compute, and share one thread.
    initial: 4,
    schema: numberInText(wholeNumber(1, 64)),
  }),
  leaseMs: setting({
    flag: '--lease-ms',
    variable: 'ORCHESTRATOR_LEASE_MS',
    // What a crash costs, and longer than an event loop or a lock should ever keep a heartbeat waiting.
    initial: 30_000,
    schema: numberInText(wholeNumber(200, LONGEST_LEASE_MS)),
  }),
};

/** What every command needs. */
export interface CommonConfig {
  /** Absolute. */
  readonly dataDirectory: string;
  /** What asked for it, where somebody did. */
  readonly dataDirectoryFrom: string | undefined;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

export interface ServeConfig extends CommonConfig {
  readonly host: (typeof LOOPBACK_HOSTS)[number];
  readonly port: number;
  readonly healthToken: string | undefined;
}

export interface WorkerConfig extends CommonConfig {
  readonly kinds: readonly WorkerKind[];
  readonly name: string;
  readonly concurrency: number;
  readonly leaseMs: number;
}

/** Where values come from. */
export interface ConfigSources {
  readonly flags: Flags;
  readonly env: Environment;
  readonly cwd: string;
}

/** `quiet` is what is logged unless somebody asks for more; a command that ends at once says by itself what went wrong. */
export function commonConfig({ flags, env, cwd }: ConfigSources, quiet?: CommonConfig['logLevel']): CommonConfig {
  refuseUnknownVariables(env);
  refuseWrongVariables(env);
  const directory = read('dataDirectory', flags, env);
  const logLevel = read('logLevel', flags, env);
  return Object.freeze({
    dataDirectory: resolve(cwd, directory.value),
    dataDirectoryFrom: directory.from,
    logLevel: quiet === undefined || logLevel.from !== undefined ? logLevel.value : quiet,
  });
}

export function serveConfig(sources: ConfigSources): ServeConfig {
  const { flags, env } = sources;
  return Object.freeze({
    ...commonConfig(sources),
    host: read('host', flags, env).value,
    port: read('port', flags, env).value,
    healthToken: read('healthToken', flags, env).value,
  });
}

/** `pid` makes the name of a worker that is given none. */
export function workerConfig(sources: ConfigSources, pid: number): WorkerConfig {
  const { flags, env } = sources;
  return Object.freeze({
    ...commonConfig(sources),
    kinds: read('kinds', flags, env).value,
    name: read('name', flags, env).value ?? `worker-${pid}`,
    concurrency: read('concurrency', flags, env).value,
    leaseMs: read('leaseMs', flags, env).value,
  });
}

type Settings = typeof SETTINGS;
type ValueOf<K extends keyof Settings> = Settings[K]['initial'];

function read<K extends keyof Settings>(
  key: K,
  flags: Flags,
  env: Environment,
): { readonly value: ValueOf<K>; readonly from: string | undefined } {
  const { flag, variable, initial, schema } = SETTINGS[key] as Setting<ValueOf<K>>;
  const given = flags[optionNameOf(flag)];
  const text = given ?? env[variable];
  if (text === undefined) return { value: initial, from: undefined };
  const from = given === undefined ? `environment: ${variable}` : flag;
  const { success, data, error } = schema.safeParse(text, { reportInput: true });
  if (success) return { value: data, from };
  const [issue] = error.issues;
  if (issue === undefined) throw new Error(`BUG: ${from} was refused without a reason`);
  // A secret is not repeated.
  throw new Refusal(`${from} ${key === 'healthToken' ? `must be ${issue.message}` : complaint(issue)}`);
}

/** Ours by its beginning, and not known: probably a slip, and whoever made it believes that it works. */
function refuseUnknownVariables(env: Environment): void {
  const known: readonly string[] = Object.values(SETTINGS).map(({ variable }) => variable);
  for (const name of Object.keys(env).toSorted()) {
    if (!name.startsWith('ORCHESTRATOR_') || known.includes(name)) continue;
    throw new Refusal(
      `environment: ${name} is not a setting; the nearest is ${likelyKey(name, known) ?? known.join(', ')}`,
    );
  }
}

/** All that are set, whichever this command uses: what starts several commands learns of a slip before the first has opened anything. */
function refuseWrongVariables(env: Environment): void {
  for (const key of Object.keys(SETTINGS) as (keyof Settings)[]) read(key, {}, env);
}

/** What commander calls `--data-dir`. */
function optionNameOf(flag = ''): string {
  return flag.slice(2).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function splitAtCommas(text: string): string[] {
  return text.split(',').map((word) => word.trim());
}

function setting<T>(given: Setting<T>): Setting<T> {
  return given;
}
