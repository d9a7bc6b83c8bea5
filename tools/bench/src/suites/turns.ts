import type { Scenario, Suite, SuiteOptions } from '../scenario.ts';
import type { Durability } from './sqlite/stage.ts';
import { contentionScenario, slowNeighbourScenario } from './turns/contention.ts';
import { saturatedLogScenario } from './turns/saturated-log.ts';

/** Several processes that write to one SQLite file. */
export const turnsSuite: Suite = {
  name: 'turns',
  about:
    'several processes that write to one file, against better-sqlite3 with its busy timeout and with retries, knex, kysely and libsql',
  packages: ['@hive/shared-db', 'better-sqlite3', 'knex', 'kysely', 'libsql'],
  scenarios: ({ longMs }: SuiteOptions = {}) => [
    contentionScenario('long transactions', 'each transaction has the lock for 2 ms', 4, {
      durability: 'normal',
      inFlight: 1,
      holdMs: 2,
    }),
    oneAtATime('normal'),
    oneAtATime('full'),
    inFlight('normal', 4),
    inFlight('full', 4),
    inFlight('normal', 8),
    slowNeighbourScenario(),
    saturatedLogScenario(longMs),
  ],
};

function oneAtATime(durability: Durability): Scenario {
  return contentionScenario(`one at a time, ${durability}`, 'one caller in each writes two rows at a time', 4, {
    durability,
    inFlight: 1,
    holdMs: 0,
  });
}

function inFlight(durability: Durability, processes: number): Scenario {
  const name = `16 in flight, ${durability}, ${processes} processes`;
  return contentionScenario(name, '16 callers in each write two rows at a time', processes, {
    durability,
    inFlight: 16,
    holdMs: 0,
  });
}
