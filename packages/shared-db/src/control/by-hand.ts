import { BY_HAND } from '../config/changes.ts';
import { contradictions, PAIRED_THRESHOLDS } from '../config/contradictions.ts';
import { originIn, settleWith } from '../config/effective-settings.ts';
import type { PatternOf } from '../config/name-pattern.ts';
import { nearestKey } from '../config/nearest-key.ts';
import { refusal, shown } from '../config/problem.ts';
import type { ResolvedSettings, SettingOrigin } from '../config/resolved-settings.ts';
import { DATABASE_SETTINGS, SERVICE_SETTINGS, type Setting } from '../config/setting.ts';
import { settingKey } from '../config/setting-place.ts';
import { DatabaseError } from '../errors.ts';
import { isOfDatabases, isThreshold, THRESHOLD_NAMES, type Thresholds } from '../health/thresholds.ts';
import type { EchoSubject } from './verb.ts';

/** A setting that may be changed by hand while a process runs. */
export type HandField = 'logLevel' | 'echo' | 'echoStatements' | `thresholds.${keyof Thresholds}`;

/** What somebody wants for a setting. */
export interface HandChange {
  readonly field: HandField;
  /** Whose setting it is; undefined where it is the process's. */
  readonly database: string | undefined;
  /** Undefined takes back what was changed by hand. */
  readonly value: unknown;
}

/** What somebody has changed, and of what. */
interface Held extends SettingOrigin {
  readonly setting: Setting;
  readonly database: string | undefined;
}

/** What it takes to echo something of databases, or not to. */
export function echoChanges(
  databases: readonly string[],
  of: EchoSubject,
  value: boolean | 'debug' | undefined,
): readonly HandChange[] {
  const field = of === 'pool' ? 'echo' : 'echoStatements';
  return databases.map((database) => ({ field, database, value }));
}

/** What it takes to move a threshold of the process and these databases, or of one alone. Throws `WRONG_USE` where there is none to move. */
export function thresholdChanges(
  databases: readonly string[],
  name: keyof Thresholds,
  value: unknown,
  database: string | undefined,
): readonly HandChange[] {
  if (!isThreshold(name)) throw noThreshold(name);
  const isShared = isOfDatabases(name);
  if (database !== undefined && !isShared)
    throw new DatabaseError('WRONG_USE', `${name} is of the process, and no database has its own`, {
      advice: 'leave the database out',
    });
  const everywhere = [undefined, ...(isShared ? databases : [])];
  const of = database === undefined ? everywhere : [database];
  return of.map((one) => ({ field: `thresholds.${name}`, database: one, value }));
}

function noThreshold(name: unknown): DatabaseError {
  const nearest = typeof name === 'string' ? nearestKey(name, THRESHOLD_NAMES) : undefined;
  return new DatabaseError(
    'WRONG_USE',
    `there is no threshold ${shown(name, 'an object')}; there are ${THRESHOLD_NAMES.join(', ')}`,
    nearest === undefined ? {} : { advice: `did you mean ${nearest}` },
  );
}

/** What was changed by hand: it beats all settings until they say something new of it. */
export class ByHand {
  readonly #patternOf: PatternOf;
  #values: ReadonlyMap<string, Held> = new Map();

  constructor(patternOf: PatternOf) {
    this.#patternOf = patternOf;
  }

  /**
   * Throws `WRONG_USE` for a value that the setting does not take, `CONFIG` for what contradicts the other settings; nothing has changed
   * then.
   */
  set(changes: readonly HandChange[], by: string, settings: ResolvedSettings): void {
    const values = new Map(this.#values);
    for (const change of changes) {
      const value = valueOf(change);
      const setting = settingOf(change.field);
      const { database } = change;
      const { unit } = setting.kind;
      const key = settingKey(setting, database);
      if (value === undefined) values.delete(key);
      else values.set(key, Object.freeze({ key, value, unit, origin: `${BY_HAND} (${by})`, setting, database }));
    }
    const [first, ...others] = contradictions(this.#with(settings, values));
    if (first !== undefined) throw refusal(first, ...others);
    this.#values = values;
  }

  /** The settings with what was changed by hand. */
  over(settings: ResolvedSettings): ResolvedSettings {
    return this.#values.size === 0 ? settings : this.#with(settings, this.#values);
  }

  #with(settings: ResolvedSettings, values: ReadonlyMap<string, Held>): ResolvedSettings {
    const databases = [...values.values()].flatMap(({ database }) => database ?? []);
    return settleWith(settings, values, { databases, patternOf: this.#patternOf });
  }

  /** The settings were read again: what they say anew is in force, and nothing that contradicts it. */
  yield(before: ResolvedSettings, read: ResolvedSettings): void {
    const [old, now] = [before, read].map((settings) => originIn(settings, this.#patternOf));
    this.#keep(({ setting, database }) => old?.(setting, database)?.value === now?.(setting, database)?.value);
    if (contradictions(this.over(read)).length > 0)
      this.#keep(({ setting }) => !PAIRED_THRESHOLDS.some((one) => setting.field === `thresholds.${one}`));
  }

  #keep(isKept: (held: Held) => boolean): void {
    this.#values = new Map([...this.#values].filter(([, held]) => isKept(held)));
  }
}

function valueOf({ field, value }: HandChange): SettingOrigin['value'] {
  if (value === undefined) return undefined;
  const { read, expected } = settingOf(field).kind.exact;
  const checked = read(value);
  if (checked !== undefined) return checked;
  throw new DatabaseError('WRONG_USE', `${field} is ${shown(value, 'an object')}; expected ${expected}`);
}

function settingOf(field: HandField): Setting {
  const setting = [...SERVICE_SETTINGS, ...DATABASE_SETTINGS].find((one) => one.field === field);
  if (setting === undefined) throw new Error(`BUG: nobody knows ${field}`);
  return setting;
}
