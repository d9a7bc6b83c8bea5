import type { OnDemandSnapshot } from '../../snapshot.ts';
import type { Family } from '../exposition.ts';

/** Databases by pattern, of which some are open. */
export function onDemandFamilies(all: readonly OnDemandSnapshot[] = []): Family[] {
  const of = (name: string, type: Family['type'], help: string, read: (one: OnDemandSnapshot) => number): Family => ({
    name,
    type,
    help,
    series: all.map((one) => ({ labels: { pattern: one.pattern }, value: read(one) })),
  });
  return [
    of('hive_db_on_demand_open', 'gauge', 'Databases of a pattern that are open.', ({ open }) => open),
    of('hive_db_on_demand_in_use', 'gauge', 'Of these, those that cannot be closed for another.', ({ inUse }) => inUse),
    of('hive_db_on_demand_max_open', 'gauge', 'How many may be open.', ({ mostOpen }) => mostOpen),
    of('hive_db_on_demand_waiting', 'gauge', 'Callers whose database cannot be opened yet.', ({ waiting }) => waiting),
    of(
      'hive_db_on_demand_oldest_waiter_seconds',
      'gauge',
      'How long the first of these has been waiting.',
      ({ oldestWaitMs }) => oldestWaitMs / 1_000,
    ),
    of('hive_db_on_demand_opened_total', 'counter', 'How often one was opened.', ({ opened }) => opened),
    of(
      'hive_db_on_demand_fenced',
      'gauge',
      'Databases of a pattern that were closed while writes to them were refused, and whose files nobody has verified since; 20 at most.',
      ({ fenced = [] }) => fenced.length,
    ),
    of('hive_db_on_demand_evicted_total', 'counter', 'How often one was closed again.', ({ evicted }) => evicted),
  ];
}
