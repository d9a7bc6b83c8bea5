import { systemClock, type Clock, type LeaseInfo, type Timer } from '@hive/pool';
import { Activity } from './activity.ts';
import { Checkpointer } from './checkpoints/checkpointer.ts';
import { changesBetween, type ReloadReport, type SettingChange } from './config/changes.ts';
import { settleAgain } from './config/effective-settings.ts';
import { problemsIn, shown } from './config/problem.ts';
import type { ResolvedSettings, ServiceSettings } from './config/resolved-settings.ts';
import { statedSettings } from './config/stated-settings.ts';
import { ByHand, echoChanges, thresholdChanges, type HandChange } from './control/by-hand.ts';
import { Control } from './control/control.ts';
import { SettingsWatch } from './control/settings-watch.ts';
import { ECHO_SUBJECTS, type EchoSubject } from './control/verb.ts';
import type { ManagedDatabase } from './database.ts';
import { deprecationLedger } from './deprecations.ts';
import { DatabaseError } from './errors.ts';
import type { Judged } from './health/condition.ts';
import { LOOK_EVERY_MS, stepHistory, type HealthHistory } from './health/history.ts';
import type { Thresholds } from './health/thresholds.ts';
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
import type { DatabasesOf, Definitions, ServiceConfig } from './service-config.ts';
import { ServiceDatabases } from './service-databases.ts';
import { SettingsSource } from './settings-source.ts';
import type { EventLoopSnapshot, ServiceSnapshot, StatedSetting } from './snapshot.ts';
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

/** Whose threshold is meant. */
export interface ThresholdOptions<N extends string = string> {
  /** Default: the process and every database of it. */
  readonly database?: N;
}

/** One per process: owns every connection to its named databases. */
export interface DatabaseService<D extends Definitions = Definitions> extends AsyncDisposable {
  /** How other processes call this one. */
  readonly app: string;
  /** What is in force, and where each value came from; replaced as a whole by `reload`. */
  readonly settings: ResolvedSettings;
  /** Whether `close` has been called. */
  readonly closing: boolean;
  /**
   * Throws `NAME` for a name that is not configured and that no pattern stands for. One by pattern (`tenant-*`) is opened by the first call
   * on it.
   */
  database<N extends keyof DatabasesOf<D> & string>(name: N): DatabasesOf<D>[N];
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
  setEcho(
    echo: boolean | 'debug' | undefined,
    options?: EchoOptions<keyof (D & DatabasesOf<D>) & string>,
  ): readonly SettingChange[];
  /**
   * Where health begins to warn, for as long; undefined takes it back. `blockedShare` and `warnWhenDeprecated` are of the process alone. Says
   * what is another value than before. Throws `WRONG_USE` for what the threshold does not take, `CONFIG` where it contradicts another one
   * (`utilisationWarn` above `utilisationCritical`), `NAME` for a database that is not configured; nothing has changed then.
   */
  setThreshold<K extends keyof Thresholds>(
    name: K,
    value: Thresholds[K] | undefined,
    options?: ThresholdOptions<keyof (D & DatabasesOf<D>) & string>,
  ): readonly SettingChange[];
  /**
   * Lets work finish for `graceMs`, then ends it. The same promise on every call; never rejects. Default 5 s, also for what is no
   * duration: within the ten seconds that supervisors give a process to end.
   */
  close(options?: { readonly graceMs?: number }): Promise<ServiceCloseReport>;
}

const DEFAULT_GRACE_MS = 5_000;
/** How much longer a look at itself waits for the picture that the sentinel is shown once a second. */
const LOOK_PATIENCE_MS = 100;
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

class ProcessDatabaseService<D extends Definitions> implements DatabaseService<D> {
  readonly app: string;
  readonly #source: SettingsSource;
  /** What is in force of what was read, and with what was changed by hand. */
  #given: ResolvedSettings;
  #settings: ResolvedSettings;
  /** Of these what a snapshot says. */
  #stated: readonly StatedSetting[];
  readonly #byHand: ByHand;
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
  readonly #databases: ServiceDatabases;
  readonly #warnings = new Set<string>();
  readonly #control: Control;
  readonly #startedAt: number;
  readonly #startedAtMonotonic: number;
  /** What it remembers of itself, so that its verdict is not that of one moment. */
  #history: HealthHistory | undefined;
  #nextLook: Timer | undefined;
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
    this.#byHand = new ByHand(source.patternOf);
    this.#given = this.#settings = settings;
    this.#stated = Object.freeze(statedSettings(settings));
    this.#clock = clock;
    this.#labels = new Labels(this.#activity, clock);
    this.#logger = logger;
    this.#offloader = new Offloader(settings.offloadWorkers);
    this.#checkpointer = new Checkpointer(logger);
    this.#control = new Control({
      databases: () => this.#databases.byName(),
      configured: () => Object.keys(this.#settings.databases),
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
    this.#databases = new ServiceDatabases(config.databases, settings, {
      app: config.app,
      clock,
      random,
      logger,
      labels: this.#labels,
      activity: this.#activity,
      holdings: new Holdings(clock, logger),
      offloader: this.#offloader,
      runtimeDirectory: meeting,
      turns: (file: string) => this.#turns(file, meeting, random),
      checkpointer: this.#checkpointer,
      warn: (text: string) => {
        this.#warn(text);
      },
    });
  }

  /**
   * Opens all databases side by side, those that exist before those that would be made: when a required one turns out to be
   * unusable, nothing new has been written.
   */
  async open(): Promise<void> {
    this.#remember();
    const looks = this.#databases.named().map((database) => ({ database, ...attempt(() => database.look()) }));
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
      const text = this.#databases.isRequired(database)
        ? 'a required database cannot be opened'
        : 'a database cannot be opened';
      this.#logger.error({ database: database.name, err: error }, text);
      if (!this.#isFatal(database, error)) continue;
      await this.close({ graceMs: 0 });
      throw error;
    }
  }

  #isFatal(database: ManagedDatabase, error: unknown): boolean {
    return isConfiguration(error) || (error !== undefined && this.#databases.isRequired(database));
  }

  database<N extends keyof DatabasesOf<D> & string>(name: N): DatabasesOf<D>[N] {
    return this.#databases.get(name) as unknown as DatabasesOf<D>[N];
  }

  get settings(): ResolvedSettings {
    return this.#settings;
  }

  async reload(): Promise<ReloadReport> {
    if (this.closing) throw new DatabaseError('POOL_CLOSED', 'the service has been closed; no settings are read');
    const { patternOf } = this.#source;
    let read: ResolvedSettings;
    try {
      read = this.#source.read();
    } catch (error) {
      return this.#notReloaded(problemsIn(error));
    }
    this.#byHand.yield(this.#given, read);
    const changes = changesBetween(this.#settings, this.#byHand.over(read), patternOf);
    this.#settingsFault = undefined;
    this.#given = settleAgain(this.#given, read, patternOf);
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
    const names = database === undefined ? Object.keys(this.#settings.databases) : [database];
    return this.#change(echoChanges(names, of, echo), 'code');
  }

  setThreshold<K extends keyof Thresholds>(
    name: K,
    value: Thresholds[K] | undefined,
    { database }: ThresholdOptions = {},
  ): readonly SettingChange[] {
    return this.#change(thresholdChanges(Object.keys(this.#settings.databases), name, value, database), 'code');
  }

  #change(changes: readonly HandChange[], by: string): readonly SettingChange[] {
    const before = this.#settings;
    for (const { database } of changes) if (database !== undefined) this.#databases.assertConfigured(database);
    this.#byHand.set(changes, by, this.#given);
    // There is nothing to wait for: what is changed by hand here closes no connections.
    void this.#adoptAll();
    return changesBetween(before, this.#settings, this.#source.patternOf);
  }

  /** Puts into force what was read and what was changed by hand, all of it before anything is waited for: nobody meets half of it. */
  async #adoptAll(): Promise<void> {
    this.#settings = this.#byHand.over(this.#given);
    this.#stated = Object.freeze(statedSettings(this.#settings));
    this.#log.setLevel(this.#settings.logLevel);
    await this.#databases.adopt(this.#settings);
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
    const { address } = { address: undefined, ...this.#health };
    return Object.freeze({
      ...this.#judged(),
      app: this.app,
      pid: process.pid,
      startedAt: this.#startedAt,
      http: address,
      settings: this.#stated,
      offload: this.#offloader.snapshot(),
      labels: this.#labels.snapshot(),
    });
  }

  #judged(): Judged {
    const { failure } = { failure: undefined, ...this.#health };
    return {
      takenAt: this.#clock.wallTime(),
      uptimeMs: this.#clock.now() - this.#startedAtMonotonic,
      closing: this.closing,
      eventLoop: TURNING,
      thresholds: this.settings.thresholds,
      trend: this.#history?.trend,
      settingsFault: this.#settingsFault,
      databases: Object.freeze(Array.from(this.#databases.settled(), (database) => database.snapshot())),
      onDemand: this.#databases.onDemand(),
      fallbacks: fallbacksOfProcess(),
      deprecations: deprecationLedger(),
      warnings: Object.freeze([...this.#warnings, ...(failure === undefined ? [] : [failure])]),
    };
  }

  /** Looks at itself once a second, whether anybody asks or not. It never keeps the process alive. */
  #remember(judged?: Judged): void {
    this.#nextLook?.cancel();
    const patienceMs = this.#sentinel === undefined ? 0 : LOOK_PATIENCE_MS;
    this.#nextLook = this.#clock.after(LOOK_EVERY_MS + patienceMs, () => {
      const { error } = attempt(() => {
        this.#remember();
      });
      // Whatever keeps a process from looking at itself is no reason to end it.
      if (error !== undefined) this.#warn(`its health cannot be looked at: ${wordsOf(error)}`);
    });
    this.#nextLook.unref();
    this.#history = stepHistory(this.#history, judged ?? this.#judged());
    for (const [name, { trend }] of this.#history.databases) this.#databases.remember(name, trend);
  }

  verdict(): Verdict {
    return judge(this.snapshot());
  }

  /** A picture for others: what they have left word of is in it, also where nothing has been written since. */
  #look(): ServiceSnapshot {
    for (const database of this.#databases) database.heed();
    const snapshot = this.snapshot();
    // One picture a second is enough for both: taking it costs ten times as much as looking at it.
    if (snapshot.uptimeMs - (this.#history?.at ?? 0) >= LOOK_EVERY_MS) this.#remember(snapshot);
    return snapshot;
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
    const forced = await this.#databases.close(graceMs);
    for (const lease of forced) this.#logger.warn({ ...lease }, 'a lease was still held when the service closed');
    const stuck = await this.#offloader.close();
    for (const statement of stuck)
      this.#logger.warn({ ...statement }, 'a statement was still being run in a thread when the service closed');
    await this.#checkpointer.close();
    // Last, so that whoever asks meanwhile is told that the process is closing.
    await this.#appearing;
    await this.#sentinel?.close();
    this.#nextLook?.cancel();
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

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : 'for a reason that is no error';
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

function isConfiguration(error: unknown): boolean {
  return (
    error instanceof DatabaseError &&
    (error.kind === 'CONFIG' || error.kind === 'RUNTIME_VERSION' || error.kind === 'ENGINE_REFUSED')
  );
}
