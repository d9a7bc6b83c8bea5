import { systemClock } from '@hive/shared-db';
import type { ServeConfig } from '../config.ts';
import { ORCHESTRATOR } from '../db/adapter.ts';
import { HeldLog } from '../held-log.ts';
import { createRequestHandler } from '../http/request-handler.ts';
import { Listener } from '../http/listener.ts';
import type { Io } from '../io.ts';
import { Loop } from '../loop.ts';
import { openService } from '../service.ts';
import { StudyDesk } from '../studies/study-desk.ts';
import { openQueue } from '../tasks/open-queue.ts';
import { WORKER_KIND_NAMES } from '../tasks/task-kind.ts';
import { untilAborted } from '../until-aborted.ts';

/** How often lost leases are looked for. Workers find them too; this is for when there is none. */
const EXPIRE_EVERY_MS = 500;
/** What each part may take to stop; together well below 5 s. */
const HTTP_GRACE_MS = 500;
const BUS_GRACE_MS = 1_000;
const SERVICE_GRACE_MS = 1_000;

/** Serves until it is told to stop: HTTP, studies over the bus, leases that ran out. Resolves with the exit code. */
export async function serve(config: ServeConfig, io: Io): Promise<number> {
  const clock = systemClock;
  const lines = new HeldLog(io.stderr);
  const logger = io.logger(config.logLevel, lines);
  await using stack = new AsyncDisposableStack();

  const listener = await Listener.open(config);
  stack.defer(() => listener.close(clock, HTTP_GRACE_MS));
  const service = await openService({ app: 'orchestrator', presence: true, config, env: io.env, cwd: io.cwd, logger });
  stack.use(io.reloadRequests(service));
  stack.defer(async () => void (await service.close({ graceMs: SERVICE_GRACE_MS })));
  // Not before: opening may wait for a lock of others, which nobody who is told to stop should; being killed does it no harm.
  using stop = io.stopRequest();
  const { dataDirectory } = service.settings;
  const { queue, database } = await openQueue({ dataDirectory, logger });

  const desk = new StudyDesk({ queue, outbox: database, bus: service.database('bus'), clock, logger });
  stack.defer(() => desk.stop(BUS_GRACE_MS));
  desk.start();
  const run = async (): Promise<boolean> => (await queue.expire(WORKER_KIND_NAMES)) > 0;
  const expiry = new Loop({ name: 'lease expiry', everyMs: EXPIRE_EVERY_MS, run, clock, logger });
  stack.defer(() => expiry.stop());

  const { healthToken } = config;
  listener.answerWith(await createRequestHandler({ queue, service, healthToken, logger }));
  lines.release();
  logger.info({ app: ORCHESTRATOR, url: listener.url, dataDirectory }, 'serving');
  io.stdout(`orchestrator: ${listener.url}, data in ${dataDirectory}, Ctrl-C ends it\n`);
  await untilAborted(stop.signal);
  logger.info({ app: ORCHESTRATOR }, 'stopping');
  return 0;
}
