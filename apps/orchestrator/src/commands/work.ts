import { systemClock } from '@hive/shared-db';
import type { WorkerConfig } from '../config.ts';
import { HeldLog } from '../held-log.ts';
import type { Io } from '../io.ts';
import { openService } from '../service.ts';
import { openQueue } from '../tasks/open-queue.ts';
import { untilAborted } from '../until-aborted.ts';
import { workerHandlers } from '../worker/task-handler.ts';
import { Worker } from '../worker/worker.ts';

/** What each part may take to stop; together well below 5 s. */
const PATIENCE = { finishMs: 2_000, endMs: 500 };
const SERVICE_GRACE_MS = 1_000;

/** Runs tasks until it is told to stop. Resolves with the exit code. */
export async function work(config: WorkerConfig, io: Io): Promise<number> {
  const clock = systemClock;
  const lines = new HeldLog(io.stderr);
  const logger = io.logger(config.logLevel, lines);
  await using stack = new AsyncDisposableStack();

  const { env, cwd } = io;
  const service = await openService({ app: 'orchestrator-worker', presence: true, config, env, cwd, logger });
  stack.use(io.reloadRequests(service));
  stack.defer(async () => void (await service.close({ graceMs: SERVICE_GRACE_MS })));
  // Not before: opening may wait for a lock of others, which nobody who is told to stop should; being killed does it no harm.
  using stop = io.stopRequest();
  const { queue } = await openQueue({ dataDirectory: service.settings.dataDirectory, logger });

  const { name, kinds, concurrency, leaseMs } = config;
  const all = workerHandlers(clock);
  const handlers = Object.fromEntries(kinds.map((kind) => [kind, all[kind]]));
  const worker = new Worker({ queue, name, handlers, concurrency, leaseMs, clock, logger });
  stack.defer(() => worker.stop(PATIENCE));

  lines.release();
  logger.info({ worker: name, kinds, concurrency }, 'working');
  io.stdout(`${name}: runs ${kinds.join(', ')}, ${concurrency} at once, Ctrl-C ends it\n`);
  await untilAborted(stop.signal);
  logger.info({ worker: name, running: worker.running }, 'stopping');
  return 0;
}
