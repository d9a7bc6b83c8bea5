import type { ResolvedSettings } from './resolved-settings.ts';
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

/** Whether what stands under this key is nobody's business. */
export function isSecret(key: string): boolean {
  return SECRET.test(key);
}
