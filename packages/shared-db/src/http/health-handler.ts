import { systemClock, type Clock } from '@hive/pool';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reason } from '../health/reason.ts';
import type { Thresholds } from '../health/thresholds.ts';
import { judge } from '../health/verdict.ts';
import { silentLogger, type Logger } from '../logger.ts';
import type { ServiceSnapshot } from '../snapshot.ts';
import { EXPOSITION_TYPE, renderFamilies } from './exposition.ts';
import { createGate, type Details, type Refusal } from './gate.ts';
import { detailedReport, reportText, type HealthReport } from './health-report.ts';
import { metricFamilies } from './metrics.ts';
import { routeOf, type Route } from './route.ts';

/** A snapshot is used again for this long: however often somebody asks, it costs at most ten a second. */
const FRESH_MS = 100;
/** When to ask again after a failure: a probe's usual period. */
const RETRY_AFTER_SECONDS = 5;

/** What a health handler needs. Only `snapshot` is required. */
export interface HealthHandlerOptions {
  /** Takes the snapshot; must not wait. */
  readonly snapshot: () => ServiceSnapshot;
  /** Default: those of the snapshot. */
  readonly thresholds?: Thresholds;
  /** Who sees figures, evidence and advice. Default `never`: a stranger learns whether it works and nothing else. */
  readonly details?: Details;
  /** What `Authorization: Bearer ...` must say to see details when authorized. */
  readonly token?: string;
  /** What a `Host` header may name, without ports. Default: the names of the loopback interface. */
  readonly allowedHosts?: readonly string[];
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Hears when no snapshot could be taken. Default: nobody. */
  readonly logger?: Logger;
}

/** Answers a request whose path is one of its own and returns true; otherwise touches nothing and returns false. */
export type HealthHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * Health and metrics over HTTP, mountable in front of any router: `/livez`, `/readyz`, `/startupz`, `/health/database`,
 * `/health/database/:name` and `/metrics`, by GET and HEAD. `pass` and `warn` are 200, `fail` is 503 with `Retry-After`;
 * `?verbose` answers in lines for people.
 *
 * It waits for nothing and opens nothing: an answer is made from one snapshot. Throws `CONFIG` for options that cannot work.
 */
export function createHealthHandler(options: HealthHandlerOptions): HealthHandler {
  const { thresholds, logger = silentLogger } = options;
  const gate = createGate(options);
  const snapshot = keptFresh(options.snapshot, options.clock ?? systemClock);

  return (request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const route = routeOf(path);
    if (route === undefined) return false;
    send(response, gate.refusal(request) ?? answer(route, request, query));
    return true;
  };

  function answer(route: Route, request: IncomingMessage, query: string): Reply {
    try {
      if (route.kind === 'metrics')
        return { status: 200, type: EXPOSITION_TYPE, body: renderFamilies(metricFamilies(snapshot())) };
      const report = reportOn(route);
      if (report === undefined) return text(404, 'There is no database of this name');
      const { status } = report;
      const shown = gate.showsDetails(request) ? report : { status };
      return healthReply(shown, new URLSearchParams(query).has('verbose'));
    } catch (error) {
      logger.error({ err: error, route: route.kind }, 'health: no answer could be made');
      return route.kind === 'metrics' ? text(500, 'No metrics') : healthReply({ status: 'fail' }, false);
    }
  }

  /** Undefined where there is no such database. */
  function reportOn(route: Exclude<Route, { kind: 'metrics' }>): HealthReport | undefined {
    // That this line runs is the answer. Asking databases would restart a process for a fault that a restart does not mend.
    if (route.kind === 'livez') return { status: 'pass' };
    const current = snapshot();
    const { reasons } = judge(current, thresholds);
    if (route.kind === 'database') {
      const database = current.databases.find(({ name }) => name === route.name);
      const own = reasons.filter((reason) => reason.database === route.name);
      return database && detailedReport(current, [database], own);
    }
    const relevant = route.kind === 'startupz' ? reasons.flatMap(startupReason) : reasons;
    return detailedReport(current, current.databases, relevant);
  }
}

/** Whatever is still being opened keeps a process from having started; what goes wrong later does not take that back. */
function startupReason(reason: Reason): Reason[] {
  if (reason.code === 'opening') return [{ ...reason, status: 'fail' }];
  return reason.code === 'failed' ? [reason] : [];
}

function keptFresh(take: () => ServiceSnapshot, clock: Clock): () => ServiceSnapshot {
  let kept: { readonly snapshot: ServiceSnapshot; readonly at: number } | undefined;
  return () => {
    const now = clock.now();
    if (kept === undefined || now - kept.at >= FRESH_MS) kept = { snapshot: take(), at: now };
    return kept.snapshot;
  };
}

function healthReply(report: HealthReport, verbose: boolean): Reply {
  const status = report.status === 'fail' ? 503 : 200;
  return verbose
    ? { status, type: 'text/plain; charset=utf-8', body: reportText(report) }
    : { status, type: 'application/health+json', body: `${JSON.stringify(report)}\n` };
}

function text(status: number, sentence: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${sentence}\n` };
}

function send(response: ServerResponse, outcome: Reply | Refusal): void {
  const { status, type, body } = 'text' in outcome ? text(outcome.status, outcome.text) : outcome;
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 503 ? { 'Retry-After': RETRY_AFTER_SECONDS } : {}),
    ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
  });
  // For HEAD, node:http leaves the body out by itself.
  response.end(body);
}
