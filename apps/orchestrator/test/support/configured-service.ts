import { configureDatabaseService, getDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { orchestratorMigrations } from '../../src/db/schema.ts';

/** The one service of this test process, on a temporary file; closed and removed by what is returned. */
export function configuredService(): () => Promise<void> {
  const directory = temporaryDirectory();
  const path = directory.file('orchestrator.db');
  configureDatabaseService({
    app: 'orchestrator',
    presence: false,
    databases: { orchestrator: sqlite({ path, migrations: orchestratorMigrations }) },
  });
  return async () => {
    const service = await getDatabaseService().catch(() => undefined);
    await service?.close();
    directory[Symbol.dispose]();
  };
}
