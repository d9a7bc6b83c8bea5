import { noteDeprecated, type Session } from '@hive/shared-db';
import { OldConnectionPool } from '@hive/shared-db/direct';
import { getEcosystemiserConnection, getEcosystemiserDatabase, type DirectLocation } from './adapter.ts';

/**
 * A connection that its caller must close. Warns once per call site (`HIVEDB_DEP0001`), is counted, and works.
 * @deprecated use getEcosystemiserConnection(label), or ecosystemiserTransaction(label, fn) to write
 */
export function getDbConnection(location: DirectLocation = {}): Promise<Session> {
  noteDeprecated(
    {
      code: 'HIVEDB_DEP0001',
      api: 'getDbConnection()',
      replacement: 'getEcosystemiserConnection(label) or ecosystemiserTransaction(label, fn)',
    },
    getDbConnection,
  );
  return getEcosystemiserConnection('old getDbConnection', location);
}

/**
 * The pool that this application used to bring along. It holds nothing any more: it lends connections of the shared one. Making
 * one warns once per call site (`HIVEDB_DEP0002`), is counted, and works.
 * @deprecated use getEcosystemiserConnection(label), or ecosystemiserTransaction(label, fn) to write
 */
export class ConnectionPool extends OldConnectionPool {
  constructor(location: DirectLocation = {}) {
    super(() => getEcosystemiserDatabase(location), {
      code: 'HIVEDB_DEP0002',
      api: 'ConnectionPool',
      replacement: 'getEcosystemiserConnection(label) or ecosystemiserTransaction(label, fn)',
    });
  }
}
