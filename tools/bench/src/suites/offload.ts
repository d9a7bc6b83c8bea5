import type { Suite } from '../scenario.ts';
import { rowByKeyScenario } from './offload/row-by-key.ts';
import { scanThroughputScenario, ticksScenario } from './offload/scans.ts';
import { thousandRowsScenario } from './offload/thousand-rows.ts';

/** Reading in worker threads, as it ships, against better-sqlite3 on the main thread. */
export const offloadSuite: Suite = {
  name: 'offload',
  about: 'reads in worker threads against better-sqlite3 on the main thread',
  packages: ['@hive/shared-db', 'better-sqlite3'],
  scenarios: () => [ticksScenario(), scanThroughputScenario(), rowByKeyScenario(), thousandRowsScenario()],
};
