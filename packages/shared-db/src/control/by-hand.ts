import type { Resize } from '@hive/pool';
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

/** How many connections read: their pool is told, and here it is only noted. */
const SIZES = ['poolSize', 'maxOverflow'] as const;

type Noted = HandField | (typeof SIZES)[number];

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
      const held = heldOf(change.field, change.database, valueOf(change), by);
      if (held.value === undefined) values.delete(held.key);
      else values.set(held.key, held);
    }
    // Whether a pool can be as large as somebody wants was for the pool to say.
    const others = new Map([...values].filter(([, held]) => !isSize(held)));
    const [first, ...more] = contradictions(this.#with(settings, others));
    if (first !== undefined) throw refusal(first, ...more);
    this.#values = values;
  }

  /**
   * Notes how many connections a database was given by hand; undefined is what nobody has spoken of. What the settings say anyway is nothing
   * by hand, and neither is the size of a pool that finds it by itself. Whether anything is another value, or somebody else's, than before.
   */
  note(database: string, { size, maxOverflow }: Resize, by: string, settings: ResolvedSettings): boolean {
    const given = originIn(settings, this.#patternOf);
    const isFound = given(settingOf('autoSize.min'), database)?.value !== undefined;
    const sizes = { poolSize: isFound ? undefined : size, maxOverflow };
    const values = new Map(this.#values);
    for (const field of SIZES) {
      const held = heldOf(field, database, sizes[field], by);
      if (held.value === given(held.setting, database)?.value) values.delete(held.key);
      else if (held.value !== undefined) values.set(held.key, held);
    }
    return this.#replace(values);
  }

  /** A database by pattern was closed, and with it what somebody had given its pool. Whether there was anything. */
  forgetSizes(database: string): boolean {
    return this.#replace(new Map([...this.#values].filter(([, held]) => held.database !== database || !isSize(held))));
  }

  #replace(values: ReadonlyMap<string, Held>): boolean {
    const before = this.#values;
    this.#values = values;
    return (
      values.size !== before.size ||
      [...values].some(([key, { value, origin }]) => {
        const old = before.get(key);
        return old?.value !== value || old?.origin !== origin;
      })
    );
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
    const isAtOdds = (held: (one: Held) => boolean): boolean =>
      contradictions(this.#with(read, new Map([...this.#values].filter(([, one]) => held(one))))).length > 0;
    const sized = new Set([...this.#values.values()].filter(isSize).map(({ database }) => database));
    for (const database of sized)
      if (isAtOdds((one) => isSize(one) && one.database === database))
        this.#keep((one) => !isSize(one) || one.database !== database);
    if (isAtOdds((one) => !isSize(one)))
      this.#keep(({ setting }) => !PAIRED_THRESHOLDS.some((one) => setting.field === `thresholds.${one}`));
  }

  #keep(isKept: (held: Held) => boolean): void {
    this.#values = new Map([...this.#values].filter(([, held]) => isKept(held)));
  }
}

function heldOf(field: Noted, database: string | undefined, value: SettingOrigin['value'], by: string): Held {
  const setting = settingOf(field);
  const { unit } = setting.kind;
  return Object.freeze({
    key: settingKey(setting, database),
    value,
    unit,
    origin: `${BY_HAND} (${by})`,
    setting,
    database,
  });
}

function isSize({ setting: { field } }: Held): boolean {
  return SIZES.some((one) => one === field);
}

function valueOf({ field, value }: HandChange): SettingOrigin['value'] {
  if (value === undefined) return undefined;
  const { read, expected } = settingOf(field).kind.exact;
  const checked = read(value);
  if (checked !== undefined) return checked;
  throw new DatabaseError('WRONG_USE', `${field} is ${shown(value, 'an object')}; expected ${expected}`);
}

function settingOf(field: Noted | 'autoSize.min'): Setting {
  const setting = [...SERVICE_SETTINGS, ...DATABASE_SETTINGS].find((one) => one.field === field);
  if (setting === undefined) throw new Error(`BUG: nobody knows ${field}`);
  return setting;
}
