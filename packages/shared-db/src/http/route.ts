/** What can be asked over HTTP. */
export type Route =
  | { readonly kind: 'livez' | 'readyz' | 'startupz' | 'databases' | 'metrics' }
  | { readonly kind: 'database'; readonly name: string };

const fixed: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/livez', { kind: 'livez' }],
  ['/readyz', { kind: 'readyz' }],
  ['/startupz', { kind: 'startupz' }],
  ['/health/database', { kind: 'databases' }],
  ['/metrics', { kind: 'metrics' }],
]);

const ONE_DATABASE = '/health/database/';

/** The route of a path, without its query; undefined for a path that belongs to somebody else. */
export function routeOf(path: string): Route | undefined {
  if (!path.startsWith(ONE_DATABASE)) return fixed.get(path);
  // Not decoded: no database has a name that would need it, and what is no name is not found.
  return { kind: 'database', name: path.slice(ONE_DATABASE.length) };
}
