import type { Resize } from '@hive/pool';
import { changesBetween, type ReloadReport, type SettingChange } from '../config/changes.ts';
import { settleAgain } from '../config/effective-settings.ts';
import { problemsIn } from '../config/problem.ts';
import type { ResolvedSettings } from '../config/resolved-settings.ts';
import { statedSettings } from '../config/stated-settings.ts';
import { ByHand, type HandChange } from '../control/by-hand.ts';
import { untilStill, type StillnessOptions } from '../control/stillness.ts';
import type { Logger } from '../logger.ts';
import type { StatedSetting } from '../snapshot.ts';
import type { SettingsSource } from './settings-source.ts';

/** Whose settings they are. */
export interface SettingsHost {
  readonly app: string;
  readonly logger: Logger;
  /** Puts all of them into force before anything is waited for: nobody meets half of it. */
  adopt(settings: ResolvedSettings): Promise<void>;
}

/** The settings of a service: as they were read last, with what was changed by hand. */
export class SettingsInForce {
  readonly #source: SettingsSource;
  readonly #host: SettingsHost;
  /** What is in force of what was read. */
  #given: ResolvedSettings;
  #settings: ResolvedSettings;
  #stated: readonly StatedSetting[];
  readonly #byHand: ByHand;
  #fault: string | undefined;

  constructor(source: SettingsSource, read: ResolvedSettings, host: SettingsHost) {
    this.#source = source;
    this.#host = host;
    this.#given = this.#settings = read;
    this.#stated = Object.freeze(statedSettings(read));
    this.#byHand = new ByHand(source.patternOf);
  }

  /** Replaced as a whole. */
  get settings(): ResolvedSettings {
    return this.#settings;
  }

  /** Of these what a snapshot says. */
  get stated(): readonly StatedSetting[] {
    return this.#stated;
  }

  /** What is wrong with what was read last; undefined where that is in force. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** The databases that have settings, patterns included. */
  get databases(): readonly string[] {
    return Object.keys(this.#settings.databases);
  }

  /** Reads them again when the file is not being written any more. Resolves without a report where nobody needs one by then. */
  async reloadWhenStill(options: StillnessOptions): Promise<ReloadReport | undefined> {
    const { file } = this.#source;
    try {
      const still = file === undefined ? undefined : untilStill(file, options);
      if (still !== undefined) await still;
    } catch (error) {
      return this.#notReloaded(problemsIn(error));
    }
    return options.isOver() ? undefined : this.reload();
  }

  /** Reads them again. Where anything is wrong nothing changes. */
  async reload(): Promise<ReloadReport> {
    const { patternOf } = this.#source;
    let read: ResolvedSettings;
    try {
      read = this.#source.read();
    } catch (error) {
      return this.#notReloaded(problemsIn(error));
    }
    this.#byHand.yield(this.#given, read);
    const changes = changesBetween(this.#settings, this.#byHand.over(read), patternOf);
    this.#fault = undefined;
    this.#given = settleAgain(this.#given, read, patternOf);
    await this.#adopt();
    const outcome = changes.length === 0 ? 'unchanged' : 'applied';
    const { app, logger } = this.#host;
    logger.info({ app, changes }, `settings were read again: ${outcome}`);
    return Object.freeze({ outcome, changes, problems: [] });
  }

  #notReloaded(problems: readonly string[]): ReloadReport {
    const [first = '', ...others] = problems;
    const { app, logger } = this.#host;
    this.#fault = others.length === 0 ? first : `${first}, and ${others.length} more`;
    logger.warn({ app, problems }, `settings were not read again, and stay as they are: ${first}`);
    return Object.freeze({ outcome: 'invalid', changes: [], problems });
  }

  /** Changes some by hand; says what is another value than before. Throws what `ByHand.set` throws; nothing has changed then. */
  change(changes: readonly HandChange[], by: string): readonly SettingChange[] {
    const before = this.#settings;
    this.#byHand.set(changes, by, this.#given);
    // There is nothing to wait for: what is changed by hand here closes no connections.
    void this.#adopt();
    return changesBetween(before, this.#settings, this.#source.patternOf);
  }

  /** Notes how many connections of a database read from now on because somebody has told its pool so; undefined is what he has not spoken of. */
  resized(database: string, limits: Resize, by: string): void {
    if (this.#byHand.note(database, limits, by, this.#given)) void this.#adopt();
  }

  /** A database by pattern was closed: when it is opened again, it is as the settings say. */
  closed(database: string): void {
    if (this.#byHand.forgetSizes(database)) void this.#adopt();
  }

  async #adopt(): Promise<void> {
    this.#settings = this.#byHand.over(this.#given);
    this.#stated = Object.freeze(statedSettings(this.#settings));
    await this.#host.adopt(this.#settings);
  }
}
