import type { ServiceSnapshot } from '../snapshot.ts';
import type { Family } from './exposition.ts';
import { callMetrics } from './metrics/call-metrics.ts';
import { clientMetrics } from './metrics/client-metrics.ts';
import { familyOf, type DatabaseMetric } from './metrics/database-metric.ts';
import { fileMetrics } from './metrics/file-metrics.ts';
import { poolMetrics } from './metrics/pool-metrics.ts';
import { serviceFamilies } from './metrics/service-metrics.ts';
import { stateMetrics } from './metrics/state-metrics.ts';
import { writingMetrics } from './metrics/writing-metrics.ts';

const databaseMetrics: readonly DatabaseMetric[] = [
  ...clientMetrics,
  ...stateMetrics,
  ...poolMetrics,
  ...writingMetrics,
  ...callMetrics,
  ...fileMetrics,
];

/**
 * Every metric of a snapshot. What OpenTelemetry has a word for is called by its name, with the unit as a suffix as Prometheus
 * wants it; the rest is `hive_db_...`. Metrics carry names of databases and words of closed lists: never SQL, paths or labels.
 */
export function metricFamilies(snapshot: ServiceSnapshot): Family[] {
  return [...serviceFamilies(snapshot), ...databaseMetrics.map((metric) => familyOf(metric, snapshot.databases))];
}
