import { noteDeprecated } from '@hive/shared-db';
import { OldConnectionPool } from '@hive/shared-db/direct';
import { getEcosystemiserConnection, getEcosystemiserDatabase, type Session } from './adapter.ts';

/** @deprecated Use `getEcosystemiserConnection(label)`. Warns once per call site (`HIVEDB_DEP0001`), is counted, and works. */
export function getDbConnection(): Promise<Session> {
  noteDeprecated(
    { code: 'HIVEDB_DEP0001', api: 'getDbConnection()', replacement: 'getEcosystemiserConnection(label)' },
    getDbConnection,
  );
  return getEcosystemiserConnection('old getDbConnection');
}

/** @deprecated Use the shared service through `src/db/adapter.ts`. Warns once per call site (`HIVEDB_DEP0002`), is counted, and works. */
export class ConnectionPool extends OldConnectionPool {
  constructor() {
    super(getEcosystemiserDatabase, {
      code: 'HIVEDB_DEP0002',
      api: 'ConnectionPool',
      replacement: 'getEcosystemiserConnection(label) and ecosystemiserTransaction(label, fn)',
    });
  }
}
