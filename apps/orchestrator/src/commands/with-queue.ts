import type { CommonConfig } from '../config.ts';
import type { Io } from '../io.ts';
import { openService } from '../service.ts';
import { openQueue } from '../tasks/open-queue.ts';
import type { TaskQueue } from '../tasks/queue.ts';

/** Opens the queue for one short command and closes it again. The process is not shown to others: it is gone before they look. */
export async function withQueue<T>(
  config: CommonConfig,
  io: Io,
  use: (queue: TaskQueue) => Promise<T>,
  { onlyLooks = false }: { readonly onlyLooks?: boolean } = {},
): Promise<T> {
  const logger = io.logger(config.logLevel, { write: io.stderr });
  const { env, cwd } = io;
  await using service = await openService({
    app: 'orchestrator',
    presence: false,
    onlyLooks,
    config,
    env,
    cwd,
    logger,
  });
  const { queue } = await openQueue({ dataDirectory: service.settings.dataDirectory, logger });
  return await use(queue);
}
