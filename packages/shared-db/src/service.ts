import { systemClock, type Clock, type LeaseInfo } from '@hive/pool';
import { Activity } from './activity.ts';
import { Checkpointer } from './checkpoints/checkpointer.ts';
import { changesBetween, type ReloadReport, type SettingChange } from './config/changes.ts';
import { settleAgain } from './config/effective-settings.ts';
import { nearestKey } from './config/nearest-key.ts';
import { problemsIn, shown } from './config/problem.ts';
import type { ResolvedSettings, ServiceSettings } from './config/resolved-settings.ts';
import { ByHand, echoChanges, type HandChange } from './control/by-hand.ts';
import { Control } from './control/control.ts';
import { SettingsWatch } from './control/settings-watch.ts';
import { ECHO_SUBJECTS, type EchoSubject } from './control/verb.ts';
import type { Database, DatabaseContext, DatabaseDefinition, ManagedDatabase } from './database.ts';
import { deprecationLedger } from './deprecations.ts';
import { DatabaseError } from './errors.ts';
import { judge, type Verdict } from './health/verdict.ts';
import type { HealthServerState } from './http/health-server.ts';
import { Labels } from './labels.ts';
import { LevelledLog } from './levelled-log.ts';
import { silentLogger, unfailing, type Logger, type LogLevel } from './logger.ts';
import type { StuckStatement } from './offload/crew.ts';
import { Holdings } from './nesting/holdings.ts';
import { Offloader } from './offload/offloader.ts';
import { createRuntimeDirectory, runtimeDirectory } from './presence/runtime-directory.ts';
import { startSentinel, type Sentinel } from './presence/sentinel.ts';
import type { SentinelHttp } from './presence/sentinel-message.ts';
import { fallbacksOfProcess } from './process-registry.ts';
import { assertRuntime } from './runtime-version.ts';
import type { DatabaseOf, Definitions, ServiceConfig } from './service-config.ts';
import { SettingsSource } from './settings-source.ts';
import type { EventLoopSnapshot, ServiceSnapshot } from './snapshot.ts';
import { NoTurns } from './turns/no-turns.ts';
import { ProcessTurns } from './turns/process-turns.ts';
import { TurnSockets } from './turns/turn-sockets.ts';
import type { Turns } from './turns/turns.ts';

/** What `close` had to force. */
export interface ServiceCloseReport {
  /** Leases that were taken away because they had not come back in time. Empty when all went well. */
  readonly forced: readonly (LeaseInfo & { readonly database: string })[];
  /**
   * Statements that are still being run in threads, which nothing ends: the process does not end before they do, unless it is killed.
   * Empty when all went well.
   */
  readonly stuck: readonly StuckStatement[];
}

/** What is echoed. */
export interface EchoOptions<N extends string = string> {
  /** Default: every database. */
  readonly database?: N;
  /** Default `statements`. */
  readonly of?: EchoSubject;
}

/** One per process: owns every connection to its named databases. */
export interface DatabaseService<D extends Definitions = Definitions> extends AsyncDisposable {
  /** How other processes call this one. */
  readonly app: string;
  /** What is in force, and where each value came from; replaced as a whole by `reload`. */
  readonly settings: ResolvedSettings;
  /** Whether `close` has been called. */
  readonly closing: boolean;
  /** Throws `NAME` for a name that is not configured. */
  database<N extends keyof D & string>(name: N): DatabaseOf<D[N]>;
  /** One frozen picture of everything. Cheap enough for every second. */
  snapshot(): ServiceSnapshot;
  /** Whether the process is well, judged by the configured thresholds. */
  verdict(): Verdict;
  /**
   * Reads the settings file and the environment again. What may change while the process runs (`pool.*`, `required`, thresholds of health)
   * is in force at once, all of it together; the rest is reported as needing a restart. Where anything is wrong nothing changes, and
   * health warns (`settings`) until a reload succeeds. Resolves when connections that are too many now have been closed, but for those in
   * use. Rejects with `POOL_CLOSED` when the service has been closed.
   */
  reload(): Promise<ReloadReport>;
  /**
   * From which level on the service logs, until the process ends or the settings say something new of it; undefined takes it back. Says what
   * is another value than before. Throws `WRONG_USE` for what is no level.
   */
  setLogLevel(level: LogLevel | undefined): readonly SettingChange[];
  /**
   * Whether statements, or what the pools lend and get back, are logged (`debug`: at that level), for as long; undefined takes it back.
   * Values that are bound, or written into a statement, are left out. Says what is another value than before. Throws `NAME` for a database
   * that is not configured, `WRONG_USE` for what is no echo.
   */
  setEcho(echo: boolean | 'debug' | undefined, options?: EchoOptions<keyof D & string>): readonly SettingChange[];
  /**
   * Lets work finish for `graceMs`, then ends it. The same promise on every call; never rejects. Default 5 s, also for what is no
   * duration: within the ten seconds that supervisors give a process to end.
   */
  close(options?: { readonly graceMs?: number }): Promise<ServiceCloseReport>;
}

const DEFAULT_GRACE_MS = 5_000;
/** Whoever can say anything is not stuck. */
const TURNING: EventLoopSnapshot = Object.freeze({ blockedMs: 0, label: undefined, statement: undefined });

/**
 * Opens the service. Rejects for a wrong configuration, before anything is opened, and for a database marked `required` that
 * cannot be used; any other database that fails is `failed` alone, says why when it is used, and is tried again.
 */
export async function openDatabaseService<const D extends Definitions>(
  config: ServiceConfig<D>,
): Promise<DatabaseService<D>> {
  assertRuntime(process.versions.node);
  const source = new SettingsSource(config);
  const service = new ProcessDatabaseService<D>(config, source, source.read());
  await service.open();
  return service;
}

/** Resolves settings without opening anything: what a service would do with this configuration, and why. */
export function settingsOf(config: ServiceConfig): ResolvedSettings {
  return new SettingsSource(config).read();
}

/** Where a path was set that is none of the code's. */
function pathOriginOf(name: string, { origins }: ResolvedSettings): string | undefined {
  const path = `databases.${name}.path`;
  const origin = origins.find(({ key }) => key === path)?.origin;
  return origin === undefined || origin === 'code' || origin === 'default' ? undefined : `${path}, ${origin}`;
}

class ProcessDatabaseService<D extends Definitions> implements DatabaseService<D> {
  readonly app: string;
  readonly #source: SettingsSource;
  /** What is in force of what was read, and with what was changed by hand. */
  #given: ResolvedSettings;
  #settings: ResolvedSettings;
  readonly #byHand = new ByHand();
  /** What is wrong with what was read last; undefined where that is in force. */
  #settingsFault: string | undefined;
  readonly #watchedFile: string | undefined;
  #watch: SettingsWatch | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #log: LevelledLog;
  readonly #activity = new Activity();
  readonly #labels: Labels;
  readonly #offloader: Offloader;
  readonly #checkpointer: Checkpointer;
  readonly #databases = new Map<string, Database & ManagedDatabase>();
  /** What each database goes by, for as long as nothing else is read. */
  readonly #contexts = new Map<string, { -readonly [K in keyof DatabaseContext]: DatabaseContext[K] }>();
  readonly #warnings = new Set<string>();
  readonly #control: Control;
  readonly #startedAt: number;
  readonly #startedAtMonotonic: number;
  #appearing: Promise<void> | undefined;
  #health: HealthServerState | undefined;
  #sentinel: Sentinel | undefined;
  #closing: Promise<ServiceCloseReport> | undefined;

  constructor(config: ServiceConfig<D>, source: SettingsSource, settings: ResolvedSettings) {
    const { clock = systemClock, random = Math.random, settingsFile, watchSettings = false } = config;
    const given = config.logger ?? silentLogger;
    this.#log = new LevelledLog(given);
    this.#log.setLevel(settings.logLevel);
    const logger = unfailing(this.#log);
    this.app = config.app;
    this.#source = source;
    this.#given = this.#settings = settings;
    this.#clock = clock;
    this.#labels = new Labels(this.#activity, clock);
    this.#logger = logger;
    this.#offloader = new Offloader(settings.offloadWorkers);
    this.#checkpointer = new Checkpointer(logger);
    this.#control = new Control({
      databases: this.#databases,
      // Who gives orders is said whatever the level is: one of them changes it.
      logger: unfailing(given),
      isClosing: () => this.closing,
      callSiteOf: (label) => this.#labels.callSiteOf(label),
      reload: () => this.reload(),
      change: (changes, by) => this.#change(changes, by),
    });
    this.#watchedFile = watchSettings ? settingsFile : undefined;
    this.#startedAt = clock.wallTime();
    this.#startedAtMonotonic = clock.now();
    const meeting = this.#meetingPlace(settings);
    const holdings = new Holdings(clock, logger);
    const paths = new Map<string, string>();
    for (const [name, definition] of Object.entries<DatabaseDefinition>(config.databases)) {
      const own = settings.databases[name];
      if (own === undefined) throw new Error(`BUG: database ${name} has no settings`);
      const { dataDirectory } = settings;
      const context: { -readonly [K in keyof DatabaseContext]: DatabaseContext[K] } = {
        name,
        app: config.app,
        settings: own,
        clock,
        random,
        logger,
        labels: this.#labels,
        activity: this.#activity,
        holdings,
        offloader: this.#offloader,
        thresholds: settings.thresholds,
        dataDirectory,
        pathOrigin: pathOriginOf(name, settings),
        runtimeDirectory: meeting,
        turns: (file: string) => this.#turns(file, meeting, random),
        checkpointer: this.#checkpointer,
        warn: (text: string) => {
          this.#warn(text);
        },
      };
      assertOwnFile(paths, name, definition.identity(context, own.path));
      this.#contexts.set(name, context);
      this.#databases.set(name, definition.create(context, own.path));
    }
  }

  /**
   * Opens all databases side by side, those that exist before those that would be made: when a required one turns out to be
   * unusable, nothing new has been written.
   */
  async open(): Promise<void> {
    const looks = Array.from(this.#databases.values(), (database) => ({ database, ...attempt(() => database.look()) }));
    // A look that fails without consequence is logged when the database is opened and fails for good.
    await this.#settle(looks.filter(({ database, error }) => this.#isFatal(database, error)));
    // Beside the databases: a thread takes longer to start than they do to open, and a long migration can be watched.
    this.#appearing = this.#appear();
    await this.#openAll(looks.filter(({ value }) => value === 'exists'));
    // What could not even be looked at is opened too: that makes it `failed`, and it is tried again when it is used.
    await this.#openAll(looks.filter(({ value }) => value !== 'exists'));
    await this.#appearing;
    // A process that gets stuck from now on is not one that is opening.
    this.#sentinel?.look();
    if (this.#watchedFile === undefined || this.closing) return;
    this.#watch = new SettingsWatch(this.#watchedFile, this.#clock, () => {
      this.reload().catch(() => undefined);
    });
  }

  async #openAll(group: readonly { readonly database: ManagedDatabase }[]): Promise<void> {
    const results = await Promise.allSettled(group.map(({ database }) => database.open()));
    await this.#settle(
      results.map((result, index) => ({
        database: group[index]?.database,
        error: result.status === 'rejected' ? result.reason : undefined,
      })),
    );
  }

  /** A database that fails is logged and left alone; a required one, or a wrong configuration, ends the service. */
  async #settle(
    results: readonly { readonly database: ManagedDatabase | undefined; readonly error?: unknown }[],
  ): Promise<void> {
    for (const { database, error } of results) {
      if (database === undefined || error === undefined) continue;
      const text = this.#isRequired(database) ? 'a required database cannot be opened' : 'a database cannot be opened';
      this.#logger.error({ database: database.name, err: error }, text);
      if (!this.#isFatal(database, error)) continue;
      await this.close({ graceMs: 0 });
      throw error;
    }
  }

  #isFatal(database: ManagedDatabase, error: unknown): boolean {
    return isConfiguration(error) || (error !== undefined && this.#isRequired(database));
  }

  #isRequired({ name }: ManagedDatabase): boolean {
    return this.settings.databases[name]?.required === true;
  }

  database<N extends keyof D & string>(name: N): DatabaseOf<D[N]> {
    const database = this.#databases.get(name);
    if (database !== undefined) return database as unknown as DatabaseOf<D[N]>;
    const names = [...this.#databases.keys()];
    const nearest = typeof name === 'string' ? nearestKey(name, names) : undefined;
    throw new DatabaseError('NAME', `there is no database ${shown(name, 'object')}; there are ${names.join(', ')}`, {
      advice: nearest === undefined ? undefined : `did you mean ${nearest}`,
    });
  }

  get settings(): ResolvedSettings {
    return this.#settings;
  }

  async reload(): Promise<ReloadReport> {
    if (this.closing) throw new DatabaseError('POOL_CLOSED', 'the service has been closed; no settings are read');
    const { databases } = this.#source;
    let read: ResolvedSettings;
    try {
      read = this.#source.read();
    } catch (error) {
      return this.#notReloaded(problemsIn(error));
    }
    this.#byHand.yield(this.#given, read);
    const changes = changesBetween(this.#settings, this.#byHand.over(read), databases);
    this.#settingsFault = undefined;
    this.#given = settleAgain(this.#given, read, databases);
    await this.#adoptAll();
    const outcome = changes.length === 0 ? 'unchanged' : 'applied';
    this.#logger.info({ app: this.app, changes }, `settings were read again: ${outcome}`);
    return Object.freeze({ outcome, changes, problems: [] });
  }

  setLogLevel(level: LogLevel | undefined): readonly SettingChange[] {
    return this.#change([{ field: 'logLevel', database: undefined, value: level }], 'code');
  }

  setEcho(echo: boolean | 'debug' | undefined, options: EchoOptions = {}): readonly SettingChange[] {
    const { database, of = 'statements' } = options;
    if (!ECHO_SUBJECTS.includes(of))
      throw new DatabaseError(
        'WRONG_USE',
        `an echo of ${shown(of, 'an object')} was asked for; expected statements or pool`,
      );
    const names = database === undefined ? this.#source.databases : [this.database(database).name];
    return this.#change(echoChanges(names, of, echo), 'code');
  }

  #change(changes: readonly HandChange[], by: string): readonly SettingChange[] {
    const before = this.#settings;
    this.#byHand.set(changes, by);
    // There is nothing to wait for: what is changed by hand here closes no connections.
    void this.#adoptAll();
    return changesBetween(before, this.#settings, this.#source.databases);
  }

  /** Puts into force what was read and what was changed by hand, all of it before anything is waited for: nobody meets half of it. */
  async #adoptAll(): Promise<void> {
    const before = this.#settings;
    this.#settings = this.#byHand.over(this.#given);
    this.#log.setLevel(this.#settings.logLevel);
    await Promise.all(Array.from(this.#databases.values(), (database) => this.#adopt(database, before)));
  }

  #adopt(database: ManagedDatabase, before: ResolvedSettings): Promise<void> {
    const { name } = database;
    const context = this.#contexts.get(name);
    const [old, own] = [before.databases[name], this.#settings.databases[name]];
    if (context === undefined || old === undefined || own === undefined)
      throw new Error(`BUG: database ${name} has no settings`);
    context.settings = own;
    context.thresholds = this.#settings.thresholds;
    return database.adopt(old);
  }

  #notReloaded(problems: readonly string[]): ReloadReport {
    const [first = '', ...others] = problems;
    this.#settingsFault = others.length === 0 ? first : `${first}, and ${others.length} more`;
    this.#logger.warn({ app: this.app, problems }, `settings were not read again, and stay as they are: ${first}`);
    return Object.freeze({ outcome: 'invalid', changes: [], problems });
  }

  get closing(): boolean {
    return this.#closing !== undefined;
  }

  snapshot(): ServiceSnapshot {
    const { address, failure } = { address: undefined, failure: undefined, ...this.#health };
    return Object.freeze({
      app: this.app,
      pid: process.pid,
      takenAt: this.#clock.wallTime(),
      startedAt: this.#startedAt,
      uptimeMs: this.#clock.now() - this.#startedAtMonotonic,
      closing: this.closing,
      eventLoop: TURNING,
      http: address,
      thresholds: this.settings.thresholds,
      settingsFault: this.#settingsFault,
      databases: Object.freeze(Array.from(this.#databases.values(), (database) => database.snapshot())),
      offload: this.#offloader.snapshot(),
      labels: this.#labels.snapshot(),
      fallbacks: fallbacksOfProcess(),
      deprecations: deprecationLedger(),
      warnings: Object.freeze([...this.#warnings, ...(failure === undefined ? [] : [failure])]),
    });
  }

  verdict(): Verdict {
    return judge(this.snapshot());
  }

  /** A picture for others: what they have left word of is in it, also where nothing has been written since. */
  #look(): ServiceSnapshot {
    for (const database of this.#databases.values()) database.heed();
    return this.snapshot();
  }

  close(options?: { readonly graceMs?: number }): Promise<ServiceCloseReport> {
    this.#closing ??= this.#close(options?.graceMs ?? DEFAULT_GRACE_MS);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(graceMs: number): Promise<ServiceCloseReport> {
    this.#watch?.close();
    const reports = await Promise.all(
      Array.from(this.#databases.values(), async (database) => {
        const forced = await database.close(graceMs);
        return forced.map((lease) => ({ ...lease, database: database.name }));
      }),
    );
    const forced = reports.flat();
    for (const lease of forced) this.#logger.warn({ ...lease }, 'a lease was still held when the service closed');
    const stuck = await this.#offloader.close();
    for (const statement of stuck)
      this.#logger.warn({ ...statement }, 'a statement was still being run in a thread when the service closed');
    await this.#checkpointer.close();
    // Last, so that whoever asks meanwhile is told that the process is closing.
    await this.#appearing;
    await this.#sentinel?.close();
    this.#logger.info({ app: this.app, forced: forced.length }, 'database service closed');
    return Object.freeze({ forced: Object.freeze(forced), stuck: Object.freeze(stuck) });
  }

  /** A process that cannot be seen still serves: it says so in its health instead of failing. */
  #meetingPlace({ presence, runtimeDirectory: configured }: ServiceSettings): string | undefined {
    if (!presence) return undefined;
    try {
      const directory = runtimeDirectory(configured);
      createRuntimeDirectory(directory);
      return directory;
    } catch (error) {
      this.#warn(`hive-db cannot see this process: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  #turns(file: string, meeting: string | undefined, random: () => number): Turns {
    if (meeting === undefined)
      return new NoTurns(
        this.settings.presence ? 'there is no usable runtime directory' : 'presence is switched off',
        this.#clock,
      );
    const host = (epoch: number): Promise<void> => this.#hostArbiter(file, epoch);
    return new ProcessTurns({ sockets: new TurnSockets(meeting, file), host, clock: this.#clock, random });
  }

  async #hostArbiter(file: string, epoch: number): Promise<void> {
    await this.#appearing;
    if (this.#sentinel === undefined) throw new Error('the thread that would be the arbiter could not be started');
    await this.#sentinel.hostArbiter(file, epoch);
  }

  async #appear(): Promise<void> {
    const directory = this.#meetingPlace(this.settings);
    const http = httpOf(this.settings);
    if (directory === undefined && http === undefined) return;
    const unseen = (reason: string): void => {
      this.#warn(`hive-db cannot see this process: ${reason}`);
    };
    try {
      this.#sentinel = await startSentinel({
        directory,
        http,
        describe: () => this.#look(),
        obey: (request) => this.#control.obey(request),
        activity: this.#activity,
        logger: this.#logger,
        unseen,
        served: (state) => {
          this.#served(state);
        },
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (directory !== undefined) unseen(reason);
      if (http !== undefined) this.#served({ failure: `health is not served over HTTP: ${reason}` });
    }
  }

  /** A port that cannot be had is no reason not to serve: somebody else's program would take this one down. */
  #served(state: HealthServerState): void {
    this.#health = Object.freeze(state);
    if ('failure' in state) this.#logger.warn({ app: this.app }, state.failure);
    else this.#logger.info({ app: this.app, ...state.address }, 'health is served over HTTP');
  }

  #warn(text: string): void {
    if (this.#warnings.has(text)) return;
    this.#warnings.add(text);
    this.#logger.warn({ app: this.app }, text);
  }
}

function attempt<T>(run: () => T): { readonly value?: T; readonly error?: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

/** Undefined where health is not to be served over HTTP. */
function httpOf({ http: { port, ...http }, healthDetails: details }: ServiceSettings): SentinelHttp | undefined {
  return port === false ? undefined : { ...http, port, details };
}

function assertOwnFile(paths: Map<string, string>, name: string, identity: string): void {
  const first = paths.get(identity);
  if (first !== undefined)
    throw new DatabaseError('DUPLICATE_FILE', `databases ${first} and ${name} are the same file`, {
      database: name,
      advice: `use the one name ${first}, or give ${name} a file of its own`,
    });
  paths.set(identity, name);
}

function isConfiguration(error: unknown): boolean {
  return (
    error instanceof DatabaseError &&
    (error.kind === 'CONFIG' || error.kind === 'RUNTIME_VERSION' || error.kind === 'ENGINE_REFUSED')
  );
}
