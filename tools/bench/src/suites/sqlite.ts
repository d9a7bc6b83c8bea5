import type { Suite } from '../scenario.ts';
import { pointReadScenario, thousandRowsScenario } from './sqlite/reading.ts';
import { tenantsScenario } from './sqlite/tenants.ts';
import { timersScenario } from './sqlite/timers.ts';
import { writeScenario } from './sqlite/writing.ts';

/** A named database on SQLite, as it ships, against better-sqlite3 by itself. */
export const sqliteSuite: Suite = {
  name: 'sqlite',
  about: 'reads and writes of a named database against better-sqlite3 by itself and the libraries over it',
  packages: ['@hive/shared-db', 'better-sqlite3', 'knex', 'kysely', 'libsql'],
  scenarios: () => [
    pointReadScenario(),
    thousandRowsScenario(),
    writeScenario('normal'),
    writeScenario('full'),
    timersScenario(),
    tenantsScenario(),
  ],
};
