import { deprecationLedger, type DatabaseService } from '@hive/shared-db';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConnectionPool, getDbConnection } from '../src/db/connection.ts';
import { serviceIn } from './support/service.ts';

let directory: TemporaryDirectory;
let service: DatabaseService;
const warnings: (Error & { code?: string })[] = [];
const listen = (warning: Error): void => {
  warnings.push(warning);
};

beforeAll(async () => {
  directory = temporaryDirectory();
  service = await serviceIn(directory.path);
  process.on('warning', listen);
});

afterAll(async () => {
  process.off('warning', listen);
  await service.close();
  directory[Symbol.dispose]();
});

/** Warnings come in a later turn. */
const warned = async (code: string): Promise<readonly Error[]> => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings.filter((warning) => warning.code === code);
};
const counted = (code: string): number => deprecationLedger().find((entry) => entry.code === code)?.calls ?? 0;

const INSERT = `INSERT INTO components (id, kind, body, file) VALUES (?, 'pv', '{}', 'test.yaml')`;

describe('the old getDbConnection()', () => {
  it('still reads and writes, on the connections of the shared service', async () => {
    const connection = await getDbConnection();
    await connection.run(INSERT, 'old');
    await connection.transaction((tx) => tx.run(INSERT, 'older'));
    expect(await connection.all('SELECT id FROM components')).toEqual([{ id: 'old' }, { id: 'older' }]);
    expect(service.snapshot().labels).toContainEqual(
      expect.objectContaining({ label: 'old getDbConnection', calls: 3, failures: 0 }),
    );
    await connection.close();
  });

  it('warns once per call site, names the replacement, and counts every call', async () => {
    const [calls, seen] = [counted('HIVEDB_DEP0001'), (await warned('HIVEDB_DEP0001')).length];
    for (let time = 0; time < 3; time++) await (await getDbConnection()).close();
    await (await getDbConnection()).close();
    const fresh = (await warned('HIVEDB_DEP0001')).slice(seen);
    expect(fresh).toHaveLength(2);
    for (const warning of fresh) {
      expect(warning.name).toBe('DeprecationWarning');
      expect(warning.message).toContain('getEcosystemiserConnection(label)');
      expect(warning.message).toContain('deprecated-api.test.ts');
    }
    expect(counted('HIVEDB_DEP0001') - calls).toBe(4);
  });
});

describe('the old ConnectionPool', () => {
  it('still lends connections of the shared service, and takes back what is out', async () => {
    const pool = new ConnectionPool();
    const [one, other] = [await pool.getConnection(), await pool.getConnection()];
    expect(await one.get('SELECT 1 AS one')).toEqual({ one: 1 });
    await pool.returnConnection(one);
    expect(await pool.getStats()).toMatchObject({ inUse: 1 });
    await pool.closeAll();
    await expect(other.get('SELECT 1')).rejects.toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    expect(service.database('ecosystemiser').leases()).toEqual([]);
    await expect(pool.getConnection()).rejects.toThrow('closed');
  });

  it('warns once per call site, names the replacement, and counts every one that is made', async () => {
    const [calls, seen] = [counted('HIVEDB_DEP0002'), (await warned('HIVEDB_DEP0002')).length];
    const pools = [1, 2, 3].map(() => new ConnectionPool());
    await Promise.all(pools.map((pool) => pool.closeAll()));
    const fresh = (await warned('HIVEDB_DEP0002')).slice(seen);
    expect(fresh).toHaveLength(1);
    expect(fresh[0]?.message).toContain('getEcosystemiserConnection(label)');
    expect(fresh[0]?.message).toContain('deprecated-api.test.ts');
    expect(counted('HIVEDB_DEP0002') - calls).toBe(3);
  });
});
