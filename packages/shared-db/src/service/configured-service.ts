import { systemClock } from '@hive/pool';
import { begunFor, placeOfCall } from '../call-site.ts';
import type { OpenSession, SessionOptions, SessionUse } from '../driver/session.ts';
import { DatabaseError } from '../errors.ts';
import { judgeFallbacks, type Verdict } from '../health/verdict.ts';
import { fallbacksOfProcess, processRegistry } from '../process-registry.ts';
import type { DatabaseService } from './database-service.ts';
import { openDatabaseService } from './open-database-service.ts';
import { checkConfig, type Definitions, type ServiceConfig } from './service-config.ts';
import type { ServiceSnapshot } from '../snapshot.ts';

interface Configured {
  readonly config: ServiceConfig;
  service: Promise<DatabaseService> | undefined;
  opened: DatabaseService | undefined;
}

/**
 * Sets up the one service of this process. Opens nothing: the first `getDatabaseService` does. Calling it again with the same
 * configuration does nothing; with another one it throws `CONFIG`, because somebody would get what somebody else asked for.
 */
export function configureDatabaseService(config: ServiceConfig): void {
  checkConfig(config);
  const registry = processRegistry();
  const existing = registry.configured as Configured | undefined;
  const closed = existing?.opened?.closing === true;
  if (existing !== undefined && !closed) {
    // Compared now, because the identity of a file changes when it is made.
    if (fingerprintOf(existing.config) === fingerprintOf(config)) return;
    throw new DatabaseError('CONFIG', 'the database service of this process is already configured, and differently', {
      advice: 'configure it once, where the process starts; everywhere else call getDatabaseService()',
    });
  }
  registry.configured = { config, service: undefined, opened: undefined } satisfies Configured;
}

/**
 * The one service of this process, however many components ask. Rejects with `CONFIG` when nobody has configured it and with
 * `POOL_CLOSED` after it was closed. A failed opening is tried again by the next caller.
 */
export async function getDatabaseService<D extends Definitions = Definitions>(): Promise<DatabaseService<D>> {
  const configured = processRegistry().configured as Configured | undefined;
  if (configured === undefined)
    throw new DatabaseError('CONFIG', 'no database service is configured in this process', {
      advice: 'call configureDatabaseService({ app, databases }) where the process starts',
    });
  configured.service ??= open(configured);
  const service = await configured.service;
  if (service.closing) throw new DatabaseError('POOL_CLOSED', 'the database service of this process has been closed');
  return service as unknown as DatabaseService<D>;
}

async function open(configured: Configured): Promise<DatabaseService> {
  try {
    configured.opened = await openDatabaseService(configured.config);
    return configured.opened;
  } catch (error) {
    configured.service = undefined;
    throw error;
  }
}

/** Why there is no service to use in this process; undefined where there is one, or one to open. */
export function whyNoService(): string | undefined {
  const configured = processRegistry().configured as Configured | undefined;
  if (configured === undefined) return 'no database service is configured in this process';
  return configured.opened?.closing === true ? 'the database service of this process has been closed' : undefined;
}

/** The file that the service of this process, open or closed, has for a database; undefined where it has none. */
export function servedPath(name: string): string | undefined {
  const { opened } = (processRegistry().configured as Configured | undefined) ?? {};
  return opened?.snapshot().databases.find((database) => database.name === name)?.path;
}

/**
 * Whether the one service of this process is well. Where there is none, and adapters work on direct connections instead, that is the
 * verdict: a warning that says which and why. Rejects like `getDatabaseService` where there is neither.
 */
export async function databaseHealthCheck(): Promise<Verdict> {
  const fallbacks = fallbacksOfProcess();
  if (fallbacks.length > 0 && whyNoService() !== undefined) return judgeFallbacks(fallbacks, systemClock.wallTime());
  const service = await getDatabaseService();
  return service.verdict();
}

/** Everything that the one service of this process counts and measures. */
export async function getDatabaseStats(): Promise<ServiceSnapshot> {
  const service = await getDatabaseService();
  return service.snapshot();
}

/**
 * A session of a database of the one service of this process, by its name: `getManagedSession('orders', 'nightly export')` is what
 * `session('nightly export')` of that database is, for `await using` or with a function that has it until it settles. Rejects as
 * `getDatabaseService` does, too.
 */
export const getManagedSession: OpenSession<[database: string]> = async (
  database: string,
  label: string,
  given?: SessionOptions | SessionUse,
  fn?: SessionUse,
): Promise<never> => {
  const { opened } = (processRegistry().configured as Configured | undefined) ?? {};
  const askedAt = placeOfCall('the session was opened here');
  const service = opened?.closing === false ? opened : await getDatabaseService();
  const open = service.database(database).session as (...all: readonly unknown[]) => Promise<never>;
  return begunFor(askedAt, () => open.call(service.database(database), label, given, fn));
};

/** What makes two configurations the same: everything but functions and loggers, which nobody can compare. */
function fingerprintOf({ logger: _logger, clock: _clock, random: _random, env: _env, ...rest }: ServiceConfig): string {
  const databases = Object.entries(rest.databases).map(([name, definition]) => [
    name,
    definition.driver,
    definition.settings,
    definition.identity({ name, dataDirectory: rest.dataDirectory }, undefined),
  ]);
  return JSON.stringify({ ...rest, databases });
}
