import type { OffloadCrewSnapshot, OffloadSnapshot, ServiceSnapshot } from '../../snapshot.ts';
import type { Family, Series } from '../exposition.ts';
import { onDemandFamilies } from './on-demand-metrics.ts';

/** What is said once for a process, and not for each of its databases. */
export function serviceFamilies(snapshot: ServiceSnapshot): Family[] {
  const { app, uptimeMs, closing, eventLoop, warnings, offload, onDemand, fallbacks, deprecations } = snapshot;
  return [
    gauge('hive_db_service_info', 'The service of this process; always 1.', [{ labels: { app }, value: 1 }]),
    gauge('hive_db_service_uptime_seconds', 'How long the service has been open.', [
      { labels: {}, value: uptimeMs / 1_000 },
    ]),
    gauge('hive_db_service_event_loop_blocked_seconds', 'For how long the event loop of the process has not turned.', [
      { labels: {}, value: eventLoop.blockedMs / 1_000 },
    ]),
    gauge('hive_db_service_closing', 'Whether the service is closing.', [{ labels: {}, value: closing ? 1 : 0 }]),
    gauge('hive_db_service_warnings', 'Things about the process that are not as they should be.', [
      { labels: {}, value: warnings.length },
    ]),
    ...offloadFamilies(offload),
    ...onDemandFamilies(onDemand),
    gauge(
      'hive_db_fallback_active',
      'Databases whose adapter works on direct connections; always 1.',
      Array.from(new Set(fallbacks.map(({ database }) => database)), (database) => ({
        labels: { database },
        value: 1,
      })),
    ),
    {
      name: 'hive_db_deprecated_api_calls_total',
      type: 'counter',
      help: 'Calls of deprecated APIs, by their code.',
      series: deprecations.map(({ code, calls }) => ({ labels: { code }, value: calls })),
    },
  ];
}

/** What reads beside the main thread: threads and processes apart. */
function offloadFamilies({ threads, processes }: OffloadSnapshot): Family[] {
  const of = (read: (crew: OffloadCrewSnapshot) => Readonly<Record<string, number>>, by: string): Series[] =>
    Object.entries({ thread: threads, process: processes }).flatMap(([isolation, crew]) =>
      Object.entries(read(crew)).map(([word, value]) => ({
        labels: { isolation, ...(by === '' ? {} : { [by]: word }) },
        value,
      })),
    );
  return [
    gauge(
      'hive_db_offload_workers',
      'Threads and processes that read, by what they do; one that is stuck runs a statement that nobody waits for.',
      of(({ live, busy, stuck }) => ({ idle: live - busy, busy: busy - stuck, stuck }), 'state'),
    ),
    gauge(
      'hive_db_offload_waiting',
      'Reads that wait for one of them.',
      of(({ queued }) => ({ queued }), ''),
    ),
    {
      name: 'hive_db_offload_reads_total',
      type: 'counter',
      help: 'Reads in threads and processes, by how they ended.',
      series: of(
        ({ counters: { done, failed, released, refused } }) => ({ done, failed, released, refused }),
        'result',
      ),
    },
    {
      name: 'hive_db_offload_time_seconds_total',
      type: 'counter',
      help: 'How long statements took there, in all.',
      series: of(({ counters }) => ({ time: counters.busyMs / 1_000 }), ''),
    },
    {
      name: 'hive_db_offload_crashes_total',
      type: 'counter',
      help: 'How often one of them ended by itself.',
      series: of(({ counters }) => ({ crashes: counters.crashes }), ''),
    },
  ];
}

function gauge(name: string, help: string, series: readonly Series[]): Family {
  return { name, type: 'gauge', help, series };
}
