import type { ResolvedSettings } from './resolved-settings.ts';
import { SERVICE_SETTINGS } from './setting.ts';
import { toText } from './value-kind.ts';

/** An effective value as text. */
export interface DescribedOrigin {
  readonly key: string;
  /** As a settings file would give it: `10s`, `64MiB`; empty where nothing is set, `***` for a secret. */
  readonly value: string;
  readonly origin: string;
}

const OF_ONE = /^databases\.(?<database>[^.]+)\.(?<setting>.+)$/;
const THRESHOLDS: ReadonlySet<string> = new Set(
  SERVICE_SETTINGS.filter(({ field }) => field.startsWith('thresholds.')).map(({ key }) => key),
);
const SECRET = /(?:password|secret|token)$/i;

/** Every effective value and its origin, fit to be shown to people. */
export function describeOrigins({ origins }: Pick<ResolvedSettings, 'origins'>): readonly DescribedOrigin[] {
  return origins.map(({ key, value, unit, origin }) => {
    const text = value === undefined ? '' : toText(value, unit);
    return { key, value: isSecret(key) && text !== '' ? '***' : text, origin };
  });
}

/** The keys of databases that have what their pattern has, or else what holds for the process: thresholds that nobody has set for one of them. */
export function inheritedKeys({
  origins,
  patterns,
}: Pick<ResolvedSettings, 'origins' | 'patterns'>): ReadonlySet<string> {
  const all = new Map(origins.map((one) => [one.key, one]));
  const sourceOf = (key: string): string | undefined => {
    const { database, setting } = OF_ONE.exec(key)?.groups ?? {};
    if (database === undefined || setting === undefined) return undefined;
    const pattern = Object.hasOwn(patterns, database) ? patterns[database] : undefined;
    if (pattern !== undefined) return `databases.${pattern}.${setting}`;
    return THRESHOLDS.has(setting) ? `database.${setting}` : undefined;
  };
  const inherited = origins.filter(({ key, value, origin }) => {
    const source = all.get(sourceOf(key) ?? '');
    return source !== undefined && source.value === value && source.origin === origin;
  });
  return new Set(inherited.map(({ key }) => key));
}

/** Whether what stands under this key is nobody's business. */
export function isSecret(key: string): boolean {
  return SECRET.test(key);
}
