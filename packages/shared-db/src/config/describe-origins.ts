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

const SECRET = /(?:password|secret|token)$/i;

/** Every effective value and its origin, fit to be shown to people. */
export function describeOrigins({ origins }: Pick<ResolvedSettings, 'origins'>): readonly DescribedOrigin[] {
  return origins.map(({ key, value, unit, origin }) => {
    const text = value === undefined ? '' : toText(value, unit);
    return { key, value: isSecret(key) && text !== '' ? '***' : text, origin };
  });
}

/** The keys of databases that have what holds for the process: thresholds that nobody has set for one of them. */
export function inheritedKeys({ origins }: Pick<ResolvedSettings, 'origins'>): ReadonlySet<string> {
  const shared = new Map(origins.map((one) => [one.key, one]));
  const thresholds = SERVICE_SETTINGS.filter(({ field }) => field.startsWith('thresholds.')).map(
    ({ key }) => `.${key}`,
  );
  const inherited = origins.filter(({ key, value, origin }) => {
    const ending = key.startsWith('databases.') ? thresholds.find((one) => key.endsWith(one)) : undefined;
    const own = ending === undefined ? undefined : shared.get(`database${ending}`);
    return own !== undefined && own.value === value && own.origin === origin;
  });
  return new Set(inherited.map(({ key }) => key));
}

/** Whether what stands under this key is nobody's business. */
export function isSecret(key: string): boolean {
  return SECRET.test(key);
}
