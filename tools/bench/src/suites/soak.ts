import type { Suite, SuiteOptions } from '../scenario.ts';
import { soakScenario } from './soak/soak.ts';

/** What is left of a service after a long time with callers who make mistakes. */
export const soakSuite: Suite = {
  name: 'soak',
  about: 'sessions for a minute, some of them leaked, some over their limit, some throwing: whether all is taken back',
  packages: ['@hive/shared-db', 'better-sqlite3'],
  scenarios: ({ longMs }: SuiteOptions = {}) => [soakScenario(longMs)],
};
