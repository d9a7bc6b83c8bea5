import { systemClock, type Clock } from '@hive/pool';
import { Activity } from '../activity.ts';
import { Checkpointer } from '../checkpoints/checkpointer.ts';
import type { ReloadReport, SettingChange } from '../config/changes.ts';
import { shown } from '../config/problem.ts';
import type { ResolvedSettings } from '../config/resolved-settings.ts';
import { echoChanges, thresholdChanges, type HandChange } from '../control/by-hand.ts';
import { Control } from '../control/control.ts';
import { SettingsWatch } from '../control/settings-watch.ts';
import { ECHO_SUBJECTS } from '../control/verb.ts';
import type { ManagedDatabase } from '../database.ts';
import { deprecationLedger } from '../deprecations.ts';
import { isDuration } from '../driver/call-options.ts';
import { DatabaseError } from '../errors.ts';
import type { Judged } from '../health/condition.ts';
import type { Thresholds } from '../health/thresholds.ts';
import { judge, type Verdict } from '../health/verdict.ts';
import { Labels } from '../labels.ts';
import { LevelledLog } from '../levelled-log.ts';
import { silentLogger, unfailing, type Logger, type LogLevel } from '../logger.ts';
import { Holdings } from '../nesting/holdings.ts';
import { Offloader } from '../offload/offloader.ts';
import { fallbacksOfProcess } from '../process-registry.ts';
import { OwnWords } from '../repair/own-words.ts';
import type { EventLoopSnapshot, ServiceSnapshot } from '../snapshot.ts';
import { Appearance } from './appearance.ts';
import type { DatabaseService, EchoOptions, ServiceCloseReport, ThresholdOptions } from './database-service.ts';
import { HealthMemory } from './health-memory.ts';
import type { DatabasesOf, Definitions, ServiceConfig } from './service-config.ts';
import { ServiceDatabases } from './service-databases.ts';
import { SettingsInForce } from './settings-in-force.ts';
import type { SettingsSource } from './settings-source.ts';

const DEFAULT_GRACE_MS = 5_000;
/** How much longer a look at itself waits for the picture that the sentinel is shown once a second. */
const LOOK_PATIENCE_MS = 100;
/** Whoever can say anything is not stuck. */
const TURNING: EventLoopSnapshot = Object.freeze({ blockedMs: 0, label: undefined, statement: undefined });

/** The service of this process: opens, shows and closes what it is made of. */
export class ProcessDatabaseService<D extends Definitions> implements DatabaseService<D> {
  readonly app: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #settings: SettingsInForce;
  readonly #watchedFile: string | undefined;
  #watch: SettingsWatch | undefined;
  readonly #activity = new Activity();
  readonly #labels: Labels;
  readonly #offloader: Offloader;
  readonly #checkpointer: Checkpointer;
  readonly #appearance: Appearance;
  readonly #databases: ServiceDatabases;
  readonly #control: Control;
  readonly #memory: HealthMemory;
  readonly #warnings = new Set<string>();
  readonly #startedAt: number;
  readonly #startedAtMonotonic: number;
  #closing: Promise<ServiceCloseReport> | undefined;

  constructor(config: ServiceConfig<D>, source: SettingsSource, settings: ResolvedSettings) {
    const { app, clock = systemClock, random = Math.random, settingsFile, watchSettings = false } = config;
    const given = config.logger ?? silentLogger;
    const log = new LevelledLog(given);
    log.setLevel(settings.logLevel);
    const logger = unfailing(log);
    const activity = this.#activity;
    this.app = app;
    this.#clock = clock;
    this.#logger = logger;
    this.#settings = new SettingsInForce(source, settings, {
      app,
      logger,
      adopt: async (changed) => {
        log.setLevel(changed.logLevel);
        await this.#databases.adopt(changed);
      },
    });
    this.#watchedFile = watchSettings ? settingsFile : undefined;
    this.#startedAt = clock.wallTime();
    this.#startedAtMonotonic = clock.now();
    this.#labels = new Labels(activity, clock);
    this.#offloader = new Offloader(clock, settings.offloadWorkers);
    this.#checkpointer = new Checkpointer(logger);
    const warn = (text: string): void => {
      this.#warn(text);
    };
    this.#appearance = new Appearance(settings, {
      app,
      clock,
      random,
      logger,
      activity,
      look: () => this.#look(),
      obey: (request) => this.#control.obey(request),
      warn,
    });
    const shared = {
      app,
      clock,
      random,
      logger,
      labels: this.#labels,
      activity,
      holdings: new Holdings(clock, logger),
      offloader: this.#offloader,
      runtimeDirectory: this.#appearance.directory,
      fenceWords: new OwnWords(),
      turns: (file: string) => this.#appearance.turns(file),
      checkpointer: this.#checkpointer,
      warn,
    };
    this.#databases = new ServiceDatabases(config.databases, settings, shared, {
      resized: (name, limits) => {
        this.#settings.resized(name, limits, 'code');
      },
      closed: (name) => {
        this.#settings.closed(name);
      },
    });
    // Who gives orders is said whatever the level is: one of them changes it.
    this.#control = this.#newControl(unfailing(given));
    this.#memory = this.#newMemory();
  }

  #newControl(logger: Logger): Control {
    return new Control({
      databases: () => this.#databases.byName(),
      configured: () => this.#settings.databases,
      logger,
      isClosing: () => this.closing,
      labels: this.#labels,
      reload: () => this.reload(),
      change: (changes, by) => this.#change(changes, by),
      resized: (name, limits, by) => {
        this.#settings.resized(name, limits, by);
      },
    });
  }

  #newMemory(): HealthMemory {
    return new HealthMemory({
      clock: this.#clock,
      patienceMs: () => (this.#appearance.isWatched ? LOOK_PATIENCE_MS : 0),
      look: () => this.#judged(),
      remembered: ({ databases }) => {
        for (const [name, { trend }] of databases) this.#databases.remember(name, trend);
      },
      failed: (error) => {
        const words = error instanceof Error ? error.message : 'for a reason that is no error';
        this.#warn(`its health cannot be looked at: ${words}`);
      },
    });
  }

  // Opening

  /**
   * Opens all databases side by side, those that exist before those that would be made: when a required one turns out to be
   * unusable, nothing new has been written.
   */
  async open(): Promise<void> {
    this.#memory.begin();
    const looks = this.#databases.named().map((database) => ({ database, ...attempt(() => database.look()) }));
    // A look that fails without consequence is logged when the database is opened and fails for good.
    await this.#settle(looks.filter(({ database, error }) => this.#isFatal(database, error)));
    // Beside the databases: a thread takes longer to start than they do to open, and a long migration can be watched.
    const appearing = this.#appearance.appear();
    await this.#openAll(looks.filter(({ value }) => value === 'exists'));
    // What could not even be looked at is opened too: that makes it `failed`, and it is tried again when it is used.
    await this.#openAll(looks.filter(({ value }) => value !== 'exists'));
    await appearing;
    this.#appearance.opened();
    if (this.#watchedFile === undefined || this.closing) return;
    this.#watch = new SettingsWatch(this.#watchedFile, this.#clock, () => {
      // It has stayed as it is from one look to the next.
      if (!this.closing) this.#settings.reload().catch(() => undefined);
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

  // Settings

  get settings(): ResolvedSettings {
    return this.#settings.settings;
  }

  async reload(): Promise<ReloadReport> {
    const report = this.closing
      ? undefined
      : await this.#settings.reloadWhenStill({ clock: this.#clock, isOver: () => this.closing });
    if (report !== undefined) return report;
    throw new DatabaseError('POOL_CLOSED', 'the service has been closed; no settings are read');
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
    const names = database === undefined ? this.#settings.databases : [database];
    return this.#change(echoChanges(names, of, echo), 'code');
  }

  setThreshold<K extends keyof Thresholds>(
    name: K,
    value: Thresholds[K] | undefined,
    { database }: ThresholdOptions = {},
  ): readonly SettingChange[] {
    return this.#change(thresholdChanges(this.#settings.databases, name, value, database), 'code');
  }

  #change(changes: readonly HandChange[], by: string): readonly SettingChange[] {
    if (this.closing) throw new DatabaseError('POOL_CLOSED', 'the service has been closed; no settings are changed');
    for (const { database } of changes) if (database !== undefined) this.#databases.assertConfigured(database);
    return this.#settings.change(changes, by);
  }

  // Telling

  get closing(): boolean {
    return this.#closing !== undefined;
  }

  snapshot(): ServiceSnapshot {
    return Object.freeze({
      ...this.#judged(),
      app: this.app,
      pid: process.pid,
      startedAt: this.#startedAt,
      http: this.#appearance.http.address,
      settings: this.#settings.stated,
      offload: this.#offloader.snapshot(),
      labels: this.#labels.snapshot(),
    });
  }

  #judged(): Judged {
    const { failure } = this.#appearance.http;
    return {
      takenAt: this.#clock.wallTime(),
      uptimeMs: this.#clock.now() - this.#startedAtMonotonic,
      closing: this.closing,
      eventLoop: TURNING,
      thresholds: this.settings.thresholds,
      trend: this.#memory.trend,
      settingsFault: this.#settings.fault,
      databases: Object.freeze(Array.from(this.#databases.settled(), (database) => database.snapshot())),
      onDemand: this.#databases.onDemand(),
      fallbacks: fallbacksOfProcess(),
      deprecations: deprecationLedger(),
      warnings: Object.freeze([...this.#warnings, ...(failure === undefined ? [] : [failure])]),
    };
  }

  verdict(): Verdict {
    return judge(this.snapshot());
  }

  /** A picture for others: what they have left word of is in it, also where nothing has been written since. */
  #look(): ServiceSnapshot {
    for (const database of this.#databases) database.heed();
    const snapshot = this.snapshot();
    this.#memory.seen(snapshot);
    return snapshot;
  }

  #warn(text: string): void {
    if (this.#warnings.has(text)) return;
    this.#warnings.add(text);
    this.#logger.warn({ app: this.app }, text);
  }

  // Closing

  close(options?: { readonly graceMs?: number }): Promise<ServiceCloseReport> {
    const given = options?.graceMs;
    this.#closing ??= this.#close(isDuration(given) ? given : DEFAULT_GRACE_MS);
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
    await this.#appearance.close();
    this.#memory.end();
    this.#logger.info({ app: this.app, forced: forced.length }, 'database service closed');
    return Object.freeze({ forced: Object.freeze(forced), stuck: Object.freeze(stuck) });
  }
}

function attempt<T>(run: () => T): { readonly value?: T; readonly error?: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

function isConfiguration(error: unknown): boolean {
  return (
    error instanceof DatabaseError &&
    (error.kind === 'CONFIG' || error.kind === 'RUNTIME_VERSION' || error.kind === 'ENGINE_REFUSED')
  );
}
