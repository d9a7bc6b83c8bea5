import { noteDeprecated, type Session } from '@hive/shared-db';
import { OldConnectionPool } from '@hive/shared-db/direct';
import { getOrchestratorConnection, getOrchestratorDatabase, type DirectLocation } from './adapter.ts';

/** @deprecated Use `getOrchestratorConnection(label)`. Warns once per call site (`HIVEDB_DEP0001`), is counted, and works. */
export function getDbConnection(location: DirectLocation = {}): Promise<Session> {
  noteDeprecated(
    { code: 'HIVEDB_DEP0001', api: 'getDbConnection()', replacement: 'getOrchestratorConnection(label)' },
    getDbConnection,
  );
  return getOrchestratorConnection('old getDbConnection', location);
}

/** @deprecated Use the shared service through `src/db/adapter.ts`. Warns once per call site (`HIVEDB_DEP0002`), is counted, and works. */
export class ConnectionPool extends OldConnectionPool {
  constructor(location: DirectLocation = {}) {
    super(() => getOrchestratorDatabase(location), {
      code: 'HIVEDB_DEP0002',
      api: 'ConnectionPool',
      replacement: 'getOrchestratorConnection(label) and orchestratorTransaction(label, fn)',
    });
  }
}
