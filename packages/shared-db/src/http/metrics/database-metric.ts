import type { HistogramSnapshot } from '@hive/pool';
import type { DatabaseSnapshot } from '../../snapshot.ts';
import type { Family, Series } from '../exposition.ts';

/** One family that every database has a part in. */
export interface DatabaseMetric {
  readonly name: string;
  readonly type: Family['type'];
  readonly help: string;
  /** What the metric is divided by, where `read` returns several values. */
  readonly by?: string;
  /** Undefined where a database has no such thing. */
  readonly read: (database: DatabaseSnapshot) => number | HistogramSnapshot | Values | undefined;
}

/** One value for each word of `by`. */
export type Values = { readonly each: Readonly<Record<string, number>> };

/** What OpenTelemetry's semantic conventions call a pool's name; families of our own say `database`. */
const POOL_NAME = 'db_client_connection_pool_name';

/** One metric of all databases. */
export function familyOf(
  { name, type, help, by = '', read }: DatabaseMetric,
  databases: readonly DatabaseSnapshot[],
): Family {
  const key = name.startsWith('db_client_') ? POOL_NAME : 'database';
  const series = databases.flatMap((database): Series[] => {
    const labels = { [key]: database.name };
    const value = read(database);
    if (value === undefined) return [];
    if (typeof value === 'number' || !('each' in value)) return [{ labels, value }];
    return Object.entries(value.each).map(([word, part]) => ({ labels: { ...labels, [by]: word }, value: part }));
  });
  return { name, type, help, series };
}
