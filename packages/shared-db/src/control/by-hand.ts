import { settleWith } from '../config/effective-settings.ts';
import { shown } from '../config/problem.ts';
import type { ResolvedSettings, SettingOrigin } from '../config/resolved-settings.ts';
import { DATABASE_SETTINGS, SERVICE_SETTINGS, type Setting } from '../config/setting.ts';
import { settingKey } from '../config/setting-place.ts';
import { DatabaseError } from '../errors.ts';
import type { EchoSubject } from './verb.ts';

/** A setting that may be changed by hand while a process runs. */
export type HandField = 'logLevel' | 'echo' | 'echoStatements';

/** What somebody wants for a setting. */
export interface HandChange {
  readonly field: HandField;
  /** Whose setting it is; undefined where it is the process's. */
  readonly database: string | undefined;
  /** Undefined takes back what was changed by hand. */
  readonly value: unknown;
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

/** What was changed by hand: it beats all settings until they say something new of it. */
export class ByHand {
  readonly #values = new Map<string, SettingOrigin>();

  /** Throws `WRONG_USE` for a value that the setting does not take; nothing has changed then. */
  set(changes: readonly HandChange[], by: string): void {
    const checked = changes.map((change) => ({ change, value: valueOf(change) }));
    for (const { change, value } of checked) {
      const key = keyOf(change);
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, Object.freeze({ key, value, unit: undefined, origin: `by hand (${by})` }));
    }
  }

  /** The settings with what was changed by hand. */
  over(settings: ResolvedSettings): ResolvedSettings {
    return this.#values.size === 0 ? settings : settleWith(settings, this.#values);
  }

  /** The settings were read again: what they say anew is in force. */
  yield(before: ResolvedSettings, read: ResolvedSettings): void {
    const [old, now] = [before, read].map(({ origins }) => new Map(origins.map(({ key, value }) => [key, value])));
    for (const key of this.#values.keys()) if (old?.get(key) !== now?.get(key)) this.#values.delete(key);
  }
}

function valueOf({ field, value }: HandChange): SettingOrigin['value'] {
  if (value === undefined) return undefined;
  const { read, expected } = settingOf(field).kind.exact;
  const checked = read(value);
  if (checked !== undefined) return checked;
  throw new DatabaseError('WRONG_USE', `${field} is ${shown(value, 'an object')}; expected ${expected}`);
}

function keyOf({ field, database }: HandChange): string {
  return settingKey(settingOf(field), database);
}

function settingOf(field: HandField): Setting {
  const setting = [...SERVICE_SETTINGS, ...DATABASE_SETTINGS].find((one) => one.field === field);
  if (setting === undefined) throw new Error(`BUG: nobody knows ${field}`);
  return setting;
}
