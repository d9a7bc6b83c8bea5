import { isKind, type DatabaseService, type Logger } from '@hive/shared-db';
import { createHealthHandler, type HealthHandler } from '@hive/shared-db/http';
import { isUtf8 } from 'node:buffer';
import fastify, { type FastifyReply } from 'fastify';
import type { RequestListener } from 'node:http';
import { Refusal, shown } from '../refusal.ts';
import type { TaskQueue } from '../tasks/queue.ts';
import { refuseWebPages } from './loopback.ts';
import { Problem } from './problem.ts';
import { addTaskRoutes } from './task-routes.ts';

/** A task's payload is a message, not a file: also what fits into an event of the bus. */
const BODY_LIMIT_BYTES = 262_144;
/** When to come back after the database could not be used. */
const RETRY_AFTER_SECONDS = 5;
const ROUTES = 'POST /tasks, GET /tasks, GET /tasks/:id, POST /tasks/:id/cancel and the health routes';

export interface RequestHandlerOptions {
  readonly queue: TaskQueue;
  readonly service: Pick<DatabaseService, 'snapshot' | 'settings'>;
  /** What shows details of health, where the settings say that they are shown when authorized. */
  readonly healthToken: string | undefined;
  readonly logger: Logger;
}

/** Answers requests: health and metrics, and behind them the tasks. */
export async function createRequestHandler(options: RequestHandlerOptions): Promise<RequestListener> {
  const { queue, logger } = options;
  const health = healthHandler(options);
  const refuse = (error: unknown, reply: FastifyReply): void => {
    answer(reply, problemOf(error, logger));
  };
  const app = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    frameworkErrors: (error, _request, reply) => {
      refuse(error, reply);
    },
  });
  // JSON is all that is taken; text is also what a page may send without asking first.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes, done) => {
    parseBody(bytes as Buffer, done);
  });
  app.addHook('onRequest', (request, _reply, done) => {
    refuseWebPages(request.headers);
    done();
  });
  app.setErrorHandler((error, _request, reply) => {
    refuse(error, reply);
  });
  app.setNotFoundHandler(({ method, url }, reply) => {
    const [path = ''] = url.split('?');
    const asked = JSON.stringify(`${method} ${path.slice(0, 64)}`);
    refuse(new Problem('ROUTE_NOT_FOUND', `There is no ${asked}; there are ${ROUTES}.`), reply);
  });
  addTaskRoutes(app, queue);
  await app.ready();
  return (request, response) => {
    if (!health(request, response)) app.routing(request, response);
  };
}

function healthHandler({ service, healthToken: token, logger }: RequestHandlerOptions): HealthHandler {
  const { healthDetails } = service.settings;
  const isNobody = healthDetails === 'when-authorized' && token === undefined;
  return createHealthHandler({
    snapshot: () => service.snapshot(),
    details: isNobody ? 'never' : healthDetails,
    ...(token === undefined ? {} : { token }),
    logger,
  });
}

/** No body is none, whatever its type is said to be: some clients always say one. What is no text is not made one by leaving out some of it. */
function parseBody(bytes: Buffer, done: (error: Error | null, body?: unknown) => void): void {
  if (!isUtf8(bytes)) {
    done(new Refusal('body: it must be JSON in UTF-8, not other bytes'));
    return;
  }
  const text = bytes.toString();
  try {
    done(null, text === '' ? undefined : JSON.parse(text));
  } catch {
    done(new Refusal(`body: it must be JSON, such as {"kind":"echo"}, not ${shown(text)}`));
  }
}

function answer(reply: FastifyReply, problem: Problem): void {
  if (problem.status === 503) void reply.header('retry-after', RETRY_AFTER_SECONDS);
  void reply.code(problem.status).send({ code: problem.code, message: problem.message });
}

/** What a client may know of an error. What it may not is logged. */
function problemOf(error: unknown, logger: Logger): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Refusal) return new Problem('INVALID_INPUT', error.message);
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new Problem('TOO_LARGE', `The body is larger than ${BODY_LIMIT_BYTES} bytes.`);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new Problem('NOT_JSON', 'The body must be JSON, with the content type application/json.');
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new Problem('INVALID_INPUT', 'The request is not well-formed: look at its URL and its headers.');
  logger.error({ err: error }, 'a request failed');
  const isOurs = isKind(error, 'CONSTRAINT', 'SQL', 'WRONG_USE', 'READ_ONLY');
  return typeof code === 'string' && code.startsWith('HIVEDB_E_') && !isOurs
    ? new Problem('DATABASE_UNAVAILABLE', `The database cannot be used right now (${code}).`)
    : new Problem('INTERNAL', 'The orchestrator has a fault; its log says more.');
}
