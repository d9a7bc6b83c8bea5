import type { LeaseInfo } from '@hive/pool';
import type { ReloadReport, SettingChange } from '../config/changes.ts';
import type { ResolvedSettings } from '../config/resolved-settings.ts';
import type { EchoSubject } from '../control/verb.ts';
import type { Thresholds } from '../health/thresholds.ts';
import type { Verdict } from '../health/verdict.ts';
import type { LogLevel } from '../logger.ts';
import type { StuckStatement } from '../offload/crew.ts';
import type { ServiceSnapshot } from '../snapshot.ts';
import type { DatabasesOf, Definitions } from './service-config.ts';

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
  /**
   * What is in force, and where each value came from. Replaced as a whole by `reload`, `setLogLevel`, `setEcho` and `setThreshold`, by
   * `resize` of a database, and by orders of `hive-db`.
   */
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
   * use. Rejects with `POOL_CLOSED` when the service has been closed. A file that was written less than three seconds ago has to stay as it is
   * for one first, because half of what somebody is writing may be valid; one that changes for three seconds is wrong, too.
   */
  reload(): Promise<ReloadReport>;
  /**
   * From which level on the service logs, until the process ends or the settings say something new of it; undefined takes it back. Says what
   * is another value than before. Throws `WRONG_USE` for what is no level; as the two below, `POOL_CLOSED` when the service has been closed.
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
   * duration: within the ten seconds that supervisors give a process to end. To what does not end, such as a sync of a disk that hangs, two
   * seconds more are given, and one to each kind of thread; so it takes `graceMs` and five seconds at the very most, and the log says what
   * was left behind. Whoever waits for such a sync is told when it ends, if the process lives to see it.
   */
  close(options?: { readonly graceMs?: number }): Promise<ServiceCloseReport>;
}
