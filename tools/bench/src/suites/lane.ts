import type { Suite } from '../scenario.ts';
import { tailScenario } from './lane/tail.ts';
import { tankScenario } from './lane/tank.ts';
import { togetherScenario } from './lane/together.ts';
import { writeScenario } from './sqlite/writing.ts';

/** The writes of one process: alone, and many at once. */
export const laneSuite: Suite = {
  name: 'lane',
  about: 'writes of one process, alone and many at once, against better-sqlite3 by itself and the libraries over it',
  packages: ['@hive/shared-db', 'better-sqlite3', 'knex', 'kysely', 'libsql'],
  scenarios: () => [
    writeScenario('normal'),
    writeScenario('full'),
    togetherScenario('normal'),
    togetherScenario('full'),
    tailScenario(),
    tankScenario(),
  ],
};
