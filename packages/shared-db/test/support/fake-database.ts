import {
  driverDatabase,
  openDatabaseService,
  type Database,
  type DatabaseService,
  type DriverDatabaseOptions,
  type ServerLimits,
} from '@hive/shared-db';
import { FakeDriver, VirtualClock } from '@hive/shared-db/testing';
import { recordingLogger, type RecordingLogger } from './recording-logger.ts';

/** A database on the fake driver, in a time that the test moves. */
export interface FakeDatabase extends AsyncDisposable {
  readonly driver: FakeDriver;
  readonly clock: VirtualClock;
  readonly logger: RecordingLogger;
  readonly service: DatabaseService;
  readonly database: Database;
}

export interface FakeDatabaseOptions extends Partial<Omit<DriverDatabaseOptions, 'driver' | 'identity'>> {
  readonly singleWriter?: boolean;
  readonly server?: ServerLimits;
  /** Sets the driver up before anything is opened. */
  readonly prepare?: (driver: FakeDriver) => void;
}

export async function fakeDatabase(options: FakeDatabaseOptions = {}): Promise<FakeDatabase> {
  const { singleWriter = false, server, prepare, ...settings } = options;
  const clock = new VirtualClock();
  const driver = new FakeDriver({ clock, singleWriter, ...(server && { server }) });
  const logger = recordingLogger();
  prepare?.(driver);
  const definition = driverDatabase({ driver, identity: 'fake://1', ...settings });
  const databases = { orders: definition };
  const opening = openDatabaseService({ app: 'shop', presence: false, databases, clock, logger, random: () => 0.5 });
  await passUntilSettled(clock, opening);
  const service = await opening;
  return {
    driver,
    clock,
    logger,
    service,
    database: service.database('orders'),
    [Symbol.asyncDispose]: async () => {
      await passUntilSettled(clock, service.close({ graceMs: 0 }));
    },
  };
}

/** Lets time pass, a millisecond after the other, until a promise is settled, for a minute at most. */
export async function passUntilSettled(clock: VirtualClock, promise: Promise<unknown>): Promise<void> {
  const state = { settled: false };
  const note = (): void => {
    state.settled = true;
  };
  promise.then(note, note);
  await clock.settle();
  for (let ms = 0; !state.settled && ms < 60_000; ms++) await clock.advance(1);
  if (!state.settled) throw new Error('a promise is not settled after a minute');
}
