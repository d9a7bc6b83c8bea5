import type { Logger } from '@hive/shared-db';
import { StudyBus } from '../bus/study-bus.ts';
import { loadSeattleYear } from '../climate/climate-year.ts';
import { loadComponents } from '../component-data/loader.ts';
import { ComponentRepository } from '../component-data/repository.ts';
import type { Config } from '../config.ts';
import { getEcosystemiserDatabase } from '../db/adapter.ts';
import { openService } from '../db/service.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { HeldLines } from '../held-lines.ts';
import type { Io } from '../io.ts';
import { StudyService } from '../studies/study-service.ts';

/** What is left of the 5 s in which a process ends, after the bus has had its part. */
const CLOSE_MS = 1_500;

type Service = Awaited<ReturnType<typeof openService>>;

/** Computes the studies that are asked for over the bus, until it is interrupted. Ends within 5 s, with nothing lost. */
export async function serve(config: Config, io: Io): Promise<ExitCode> {
  const lines = new HeldLines(io.stderr);
  const logger = io.createLogger(lines);
  const service = await openService(config, logger);
  // Not before: opening may wait for a lock of others, which nobody who is told to stop should; being killed does it no harm.
  using interruption = io.interruption();
  using _reloads = io.reloadRequests(service);
  try {
    const bus = await prepare(service, io, logger);
    lines.release();
    bus.start();
    logger.info({ dataDirectory: service.settings.dataDirectory }, 'ready for studies');
    await untilAborted(interruption.signal);
    logger.info({}, 'stopping');
    await bus.stop();
  } finally {
    await service.close({ graceMs: CLOSE_MS });
  }
  return EXIT.fine;
}

async function prepare(service: Service, { clock }: Io, logger: Logger): Promise<StudyBus> {
  const database = await getEcosystemiserDatabase({ logger });
  const components = new ComponentRepository(database);
  const count = await loadComponents(components);
  const climate = await loadSeattleYear();
  logger.info({ components: count, hours: climate.hours }, 'component library and climate loaded');
  const studies = new StudyService({ database, library: await components.library(), climate, logger, clock });
  return new StudyBus({ bus: service.database('bus'), database, service: studies, logger, clock });
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
