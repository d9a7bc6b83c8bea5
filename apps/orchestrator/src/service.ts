import { busMigrations } from '@hive/hive-bus';
import {
  configureDatabaseService,
  getDatabaseService,
  isKind,
  settingsOf,
  sqlite,
  type DatabaseService,
  type Logger,
} from '@hive/shared-db';
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CommonConfig, Environment } from './config.ts';
import { ORCHESTRATOR, ORCHESTRATOR_FILE } from './db/adapter.ts';
import { orchestratorMigrations } from './db/schema.ts';
import { Refusal } from './refusal.ts';

const SETTINGS_FILE = 'settings.yaml';
const BUS_FILE = 'bus.db';
/** The databases of the applications that share settings and an environment with this one. */
const NEIGHBOURS = ['ecosystemiser'];

/** What the service needs to know of a command. */
export interface ServiceContext {
  /** How `hive-db` calls the process. */
  readonly app: 'orchestrator' | 'orchestrator-worker';
  /** Whether `hive-db` can see the process. */
  readonly presence: boolean;
  /** Whether it only looks at what is there: looking makes no database. Default false. */
  readonly onlyLooks?: boolean;
  readonly config: CommonConfig;
  readonly env: Environment;
  readonly cwd: string;
  readonly logger: Logger;
}

function definitions() {
  return {
    orchestrator: sqlite({ path: ORCHESTRATOR_FILE, migrations: orchestratorMigrations, required: true }),
    bus: sqlite({ path: BUS_FILE, migrations: busMigrations, required: true }),
  };
}

export type OrchestratorService = DatabaseService<ReturnType<typeof definitions>>;

/**
 * Configures and opens the one service of this process. `settings.yaml` in the working directory, then the environment, override.
 * Throws a `Refusal` for two data directories, and where there is nothing to look at.
 */
export async function openService({
  app,
  presence,
  onlyLooks = false,
  config,
  env,
  cwd,
  logger,
}: ServiceContext): Promise<OrchestratorService> {
  const { dataDirectory, dataDirectoryFrom } = config;
  const settings = {
    app,
    databases: definitions(),
    dataDirectory,
    presence,
    settingsFile: join(cwd, SETTINGS_FILE),
    otherDatabases: NEIGHBOURS,
    env,
    logger,
  };
  const { dataDirectory: effective, databases } = settingsOf(settings);
  if (dataDirectoryFrom !== undefined && effective !== undefined && resolve(cwd, effective) !== dataDirectory)
    throw new Refusal(
      `${dataDirectoryFrom} is ${dataDirectory}, but ${SETTINGS_FILE} says that dataDirectory is ${effective}: drop one of them`,
    );
  const path = resolve(cwd, effective ?? dataDirectory, databases[ORCHESTRATOR]?.path ?? ORCHESTRATOR_FILE);
  if (onlyLooks && !existsSync(path))
    throw new Refusal(`there is no database ${path}: "hive-orchestrator serve" makes one, --data-dir says where it is`);
  configureDatabaseService(settings);
  return getDatabaseService<ReturnType<typeof definitions>>().catch((error: unknown) => {
    throw namingDirectory(error, config);
  });
}

/** A data directory that cannot be used is refused with who has named it: the service knows only its path. */
function namingDirectory(error: unknown, { dataDirectory, dataDirectoryFrom }: CommonConfig): unknown {
  if (dataDirectoryFrom === undefined || !isKind(error, 'PATH', 'PERMISSION', 'FILESYSTEM')) return error;
  const isDirectory = statSync(dataDirectory, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isDirectory && isKind(error, 'PATH')) return error;
  return new Refusal(`${dataDirectoryFrom} is ${dataDirectory}, which cannot be used: ${error.message}`);
}
