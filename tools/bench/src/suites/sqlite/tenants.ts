import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabaseService, sqlite, type Migration } from '@hive/shared-db';
import Database from 'better-sqlite3';
import { versionOf } from '../../machine.ts';
import type { Contestant, Scenario } from '../../scenario.ts';
import { temporaryDirectory } from './stage.ts';

const TENANTS = 1_000;
const COUNT = 'SELECT count(*) AS n FROM note';
const NOTES: Migration = { id: 1, name: 'notes', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)' };

/** Reads once what a tenant has. */
type Reader = (tenant: number) => Promise<unknown>;

/** One file for each tenant, more of them than may be open: what does it cost to come to the next one? */
export function tenantsScenario(): Scenario {
  return {
    name: 'thousand tenants',
    about: `A row of each of ${TENANTS} files, one after the other; the files are there, and 50 of them may be open at once.`,
    measures: [
      { name: 'time each, p50', unit: 'ms', better: 'lower' },
      { name: 'time each, p99', unit: 'ms', better: 'lower' },
      { name: 'the thousandth', unit: 'ms', better: 'lower' },
      { name: 'descriptors', unit: 'at most', better: 'lower' },
    ],
    rounds: 5,
    contestants: [ours(), reopened()],
  };
}

function ours(): Contestant {
  return contestant('ours', 'database by pattern', '@hive/shared-db', async (directory) => {
    const service = await openDatabaseService({
      app: 'bench',
      runtimeDirectory: join(directory, 'run'),
      dataDirectory: directory,
      databases: { 'tenant-*': sqlite({ path: '*.db', migrations: [NOTES] }) },
    });
    return {
      read: (tenant) => service.database(`tenant-${tenant}`).read('count notes', (c) => c.get(COUNT)),
      end: async () => {
        await service.close();
      },
    };
  });
}

/** What is left to do by hand where not all can stay open: open, read, close. */
function reopened(): Contestant {
  return contestant('peer', 'better-sqlite3, opened and closed', 'better-sqlite3', (directory) => {
    const read = (tenant: number): Promise<unknown> => {
      const database = new Database(join(directory, `${tenant}.db`));
      database.pragma('journal_mode = WAL');
      if (database.pragma('user_version', { simple: true }) === 0) {
        database.exec(NOTES.sql ?? '');
        database.pragma('user_version = 1');
      }
      const row = database.prepare(COUNT).get();
      database.close();
      return Promise.resolve(row);
    };
    return Promise.resolve({ read, end: () => Promise.resolve() });
  });
}

function contestant(
  role: 'ours' | 'peer',
  name: string,
  packageName: string,
  open: (directory: string) => Promise<{ readonly read: Reader; readonly end: () => Promise<void> }>,
): Contestant {
  return {
    name,
    version: versionOf(packageName),
    role,
    check: () => Promise.resolve(),
    begin: async () => {
      const directory = temporaryDirectory();
      const base = descriptors();
      const { read, end } = await open(directory);
      await visitAll(read, base);
      return {
        sample: () => visitAll(read, base),
        end: async () => {
          await end();
          rmSync(directory, { recursive: true, force: true });
        },
      };
    },
  };
}

/** `base` is how many descriptors were open before. */
async function visitAll(read: Reader, base: number): Promise<readonly number[]> {
  const times: number[] = [];
  let most = 0;
  for (let tenant = 0; tenant < TENANTS; tenant++) {
    const from = performance.now();
    await read(tenant);
    times.push(performance.now() - from);
    if (tenant % 50 === 0) most = Math.max(most, descriptors() - base);
  }
  const last = times.at(-1) ?? 0;
  const sorted = times.toSorted((a, b) => a - b);
  return [sorted[TENANTS / 2] ?? 0, sorted[TENANTS * 0.99] ?? 0, last, most];
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
