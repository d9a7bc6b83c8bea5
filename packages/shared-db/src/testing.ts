// What tests of an application need: a real database that goes away, time that stands still, and a server that misbehaves.
export { VirtualClock } from '@hive/pool/testing';
export { temporaryDirectory, type TemporaryDirectory } from './testing/temporary-directory.ts';
export {
  temporaryDatabase,
  type TemporaryDatabase,
  type TemporaryDatabaseOptions,
} from './testing/temporary-database.ts';
export {
  FakeConnection,
  FakeDriver,
  type FakeAnswer,
  type FakeDriverOptions,
  type FakeFailure,
  type FakeStep,
} from './testing/fake-driver.ts';
