import type { ResolvedSettings } from './resolved-settings.ts';

/** Where the path of a database, or of the key that it belongs to, was set; undefined where that was in code. */
export function pathOriginOf(name: string, key: string, { databases, origins }: ResolvedSettings): string | undefined {
  const path = `databases.${databases[name] === undefined ? key : name}.path`;
  const origin = origins.find((one) => one.key === path)?.origin;
  return origin === undefined || origin === 'code' || origin === 'default' ? undefined : `${path}, ${origin}`;
}
