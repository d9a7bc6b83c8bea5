import type { DatabaseOptions } from '../database-settings.ts';
import type { DatabaseThresholds, Thresholds } from '../health/thresholds.ts';
import { shown } from './problem.ts';
import type {
  HttpSettings,
  NamedDatabaseSettings,
  ServiceSettings,
  SharedDatabaseSettings,
} from './resolved-settings.ts';
import { readSource, type Reading } from './source.ts';
import { spelled } from './spelled-path.ts';

/** Any of it; undefined is as good as absent. */
type Some<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What an application asks for in code, in milliseconds and bytes. A settings file and the environment override it. */
export interface CodeSettings extends Some<Omit<ServiceSettings, 'thresholds' | 'http'>> {
  readonly http?: Some<HttpSettings> | undefined;
  readonly thresholds?: Some<Thresholds> | undefined;
  /** For all databases. */
  readonly database?: Some<Omit<SharedDatabaseSettings, 'autoSize'> & Pick<DatabaseOptions, 'autoSize'>> | undefined;
  /** For one database each, by name. */
  readonly databases?: Readonly<Record<string, OfOneDatabase>> | undefined;
}

interface OfOneDatabase extends Some<Omit<DatabaseOptions, 'thresholds'> & Pick<NamedDatabaseSettings, 'path'>> {
  readonly thresholds?: Some<DatabaseThresholds> | undefined;
}

/** Checks what code passes: types do not reach plain JavaScript, and say nothing of ranges. */
export function readCode(settings: CodeSettings, databases: readonly string[]): Reading {
  return readSource(
    {
      layout: 'code',
      tree: settings,
      shared: false,
      nameAt: (path) => (path.length === 0 ? 'the settings' : spelled(path)),
      whereIs: () => 'code',
      originOf: () => 'code',
      show: (_, value) => shown(value),
    },
    databases,
  );
}
