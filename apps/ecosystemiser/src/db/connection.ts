import { noteDeprecated } from '@hive/shared-db';
import { oldConnection, OldConnectionPool, type DirectLocation, type OldConnection } from '@hive/shared-db/direct';
import { getEcosystemiserDatabase } from './adapter.ts';

const REPLACEMENT = 'getEcosystemiserConnection(label) or ecosystemiserTransaction(label, fn)';

/**
 * A connection that reads and writes statement by statement. Warns once per call site (`HIVEDB_DEP0001`), is counted, and works.
 * @deprecated use getEcosystemiserConnection(label), or ecosystemiserTransaction(label, fn) to write
 */
export function getDbConnection(location: DirectLocation = {}): Promise<OldConnection> {
  noteDeprecated({ code: 'HIVEDB_DEP0001', api: 'getDbConnection()', replacement: REPLACEMENT }, getDbConnection);
  return oldConnection(() => getEcosystemiserDatabase(location), 'old getDbConnection');
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
      replacement: REPLACEMENT,
    });
  }
}
