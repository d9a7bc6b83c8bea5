import { systemClock, type Clock } from '@hive/pool/clock';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reason } from '../health/reason.ts';
import type { Thresholds } from '../health/thresholds.ts';
import { judge } from '../health/verdict.ts';
import { silentLogger, type Logger } from '../logger.ts';
import type { ServiceSnapshot } from '../snapshot.ts';
import { EXPOSITION_TYPE, renderFamilies } from './exposition.ts';
import { createGate, type Details, type Refusal } from './gate.ts';
import { checkHealthOptions } from './health-options.ts';
import { detailedReport, reportText, type HealthReport } from './health-report.ts';
import { metricFamilies } from './metrics.ts';
import { routeOf, type Route } from './route.ts';

/** A snapshot is used again for this long: however often somebody asks, it costs at most ten a second. */
const FRESH_MS = 100;
/** When to ask again after a failure: a probe's usual period. */
const RETRY_AFTER_SECONDS = 5;

/** What a health handler needs. Only `snapshot` is required. */
export interface HealthHandlerOptions {
  /** Takes the snapshot. What it takes longer than a few milliseconds, whoever asks waits. */
  readonly snapshot: () => ServiceSnapshot | Promise<ServiceSnapshot>;
  /** Default: those of the snapshot. */
  readonly thresholds?: Thresholds;
  /** Who sees figures, evidence and advice. Default `never`: a stranger learns whether it works and nothing else. */
  readonly details?: Details;
  /** What `Authorization: Bearer ...` must say to see details when authorized. */
  readonly token?: string;
  /** What a `Host` header may name, without ports. Default: the names of the loopback interface. */
  readonly allowedHosts?: readonly string[];
  /**
   * For how long the event loop may have stood still before `/livez` fails. Default 0, for ever. Means something only where the handler
   * runs on another thread than the one that it speaks of.
   */
  readonly livezFailsAfterMs?: number;
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
 * It opens nothing, and waits for nothing but the snapshot that an answer is made from. Throws `CONFIG` for options that cannot work.
 */
export function createHealthHandler(options: HealthHandlerOptions): HealthHandler {
  checkHealthOptions(options);
  const { thresholds, livezFailsAfterMs = 0, logger = silentLogger } = options;
  const gate = createGate(options);
  const snapshot = keptFresh(options.snapshot, options.clock ?? systemClock);

  return (request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const route = routeOf(path);
    if (route === undefined) return false;
    const refusal = gate.refusal(request);
    if (refusal === undefined) void reply(route, request, query, response);
    else send(response, refusal);
    return true;
  };

  async function reply(route: Route, request: IncomingMessage, query: string, response: ServerResponse): Promise<void> {
    send(response, await answer(route, request, query));
  }

  async function answer(route: Route, request: IncomingMessage, query: string): Promise<Reply> {
    try {
      if (route.kind === 'metrics')
        return { status: 200, type: EXPOSITION_TYPE, body: renderFamilies(metricFamilies(await snapshot())) };
      const report = await reportOn(route);
      if (report === undefined) return text(404, 'There is no database of this name');
      const { status } = report;
      const shown = gate.showsDetails(request) ? report : { status };
      return healthReply(shown, new URLSearchParams(query).has('verbose'));
    } catch (error) {
      logger.error({ err: error, route: route.kind }, 'health: no answer could be made');
      return route.kind === 'metrics' ? text(500, 'No metrics') : healthReply({ status: 'fail' }, false);
    }
  }

  /**
   * That this line runs is the answer, as a rule: asking databases would restart a process for a fault that a restart does not mend, and
   * a statement that takes long would be ended halfway, to be begun again.
   */
  async function isLive(): Promise<boolean> {
    if (livezFailsAfterMs === 0) return true;
    try {
      const { eventLoop } = await snapshot();
      return eventLoop.blockedMs <= livezFailsAfterMs;
    } catch {
      // Who can say that it cannot describe itself is not stuck.
      return true;
    }
  }

  /** Undefined where there is no such database. */
  async function reportOn(route: Exclude<Route, { kind: 'metrics' }>): Promise<HealthReport | undefined> {
    if (route.kind === 'livez') return { status: (await isLive()) ? 'pass' : 'fail' };
    const current = await snapshot();
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

function keptFresh<T>(take: () => T, clock: Clock): () => T {
  let kept: { readonly snapshot: T; readonly at: number } | undefined;
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
