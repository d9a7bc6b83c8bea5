import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { busMigrations } from '@hive/hive-bus';
import {
  configureDatabaseService,
  getDatabaseService,
  isKind,
  settingsOf,
  sqlite,
  type DatabaseService,
  type Definitions,
  type Logger,
  type ServiceConfig,
} from '@hive/shared-db';
import type { Config } from '../config.ts';
import { WrongUse } from '../wrong-use.ts';
import { ECOSYSTEMISER, ECOSYSTEMISER_FILE } from './adapter.ts';
import { schema } from './schema.ts';

const BUS_FILE = 'bus.db';
/** The databases of the applications that share settings and an environment with this one, and its own that a command may not need. */
const NEIGHBOURS = ['orchestrator', 'bus'];

const ownDatabase = { ecosystemiser: sqlite({ path: ECOSYSTEMISER_FILE, migrations: schema, required: true }) };
const allDatabases = { ...ownDatabase, bus: sqlite({ path: BUS_FILE, migrations: busMigrations, required: true }) };

/** Opens the one service of a process that serves: its own database and the bus. */
export async function openService(config: Config, logger: Logger): Promise<DatabaseService<typeof allDatabases>> {
  const service = { ...serviceConfig(config, allDatabases), logger };
  refuseTwoDirectories(config, settingsOf(service).dataDirectory);
  configureDatabaseService(service);
  return getDatabaseService<typeof allDatabases>().catch((error: unknown) => {
    throw namingDirectory(error, config);
  });
}

/** Opens the service of a process that only looks at what is there. Throws `WrongUse` when nothing is: looking makes no database. */
export async function openToRead(config: Config): Promise<DatabaseService<typeof ownDatabase>> {
  const service = { ...serviceConfig(config, ownDatabase), presence: false };
  const { dataDirectory, databases } = settingsOf(service);
  refuseTwoDirectories(config, dataDirectory);
  const path = resolve(dataDirectory ?? config.dataDirectory, databases[ECOSYSTEMISER]?.path ?? ECOSYSTEMISER_FILE);
  if (!existsSync(path))
    throw new WrongUse(
      `there is no database ${path}: "hive-ecosystemiser serve" makes one, --data-dir says where it is`,
    );
  configureDatabaseService(service);
  return getDatabaseService<typeof ownDatabase>().catch((error: unknown) => {
    throw namingDirectory(error, config);
  });
}

/** A data directory that cannot be used is refused with who has named it: the service knows only its path. */
function namingDirectory(error: unknown, { dataDirectory, dataDirectoryFrom }: Config): unknown {
  if (dataDirectoryFrom === undefined || !isKind(error, 'PATH', 'PERMISSION', 'FILESYSTEM')) return error;
  const isDirectory = statSync(dataDirectory, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isDirectory && isKind(error, 'PATH')) return error;
  return new WrongUse(`${dataDirectoryFrom} says ${dataDirectory}, which cannot be used: ${error.message}`);
}

function serviceConfig<D extends Definitions>(
  { dataDirectory, settingsFile, env }: Config,
  databases: D,
): ServiceConfig<D> {
  return { app: ECOSYSTEMISER, databases, dataDirectory, settingsFile, otherDatabases: NEIGHBOURS, env };
}

/** The settings file overrides code, but not a person who names a directory: that would be a surprise. */
function refuseTwoDirectories(config: Config, effective: string | undefined): void {
  const { dataDirectory, dataDirectoryFrom, settingsFile } = config;
  if (dataDirectoryFrom === undefined || effective === undefined || resolve(effective) === dataDirectory) return;
  throw new WrongUse(
    `${dataDirectoryFrom} says ${dataDirectory}, but database.dataDirectory in ${settingsFile} says ${effective}: expected one of them`,
  );
}
