import { deprecationLedger, getDatabaseService } from '@hive/shared-db';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionPool, getDbConnection } from '../src/db/connection.ts';
import { configuredService } from './support/configured-service.ts';

interface Warning extends Error {
  readonly code: string;
}

describe('the deprecated API', () => {
  const warnings: Warning[] = [];
  const listen = (warning: Error): void => void warnings.push(warning as Warning);
  process.on('warning', listen);
  const close = configuredService();
  beforeEach(async () => {
    await warned();
    warnings.length = 0;
  });
  afterAll(async () => {
    process.off('warning', listen);
    await close();
  });

  it('getDbConnection() works: it reads and writes', async () => {
    await using connection = await getDbConnection();
    await connection.run(
      `INSERT INTO tasks (id, kind, payload, state, priority, max_attempts, run_at, created_at, updated_at)
       VALUES ('a', 'echo', 'null', 'queued', 0, 1, 0, 0, 0)`,
    );
    expect(await connection.get('SELECT id FROM tasks')).toEqual({ id: 'a' });
  });

  it('getDbConnection() warns once per call site, names the replacement, and counts every call', async () => {
    const before = callsOf('HIVEDB_DEP0001');
    for (let call = 0; call < 3; call++) await (await getDbConnection()).close();
    await (await getDbConnection()).close();
    await warned();
    expect(warnings.map(({ name, code }) => `${name} ${code}`)).toEqual([
      'DeprecationWarning HIVEDB_DEP0001',
      'DeprecationWarning HIVEDB_DEP0001',
    ]);
    expect(warnings[0]?.message).toContain('use getOrchestratorConnection(label)');
    expect(warnings[0]?.message).toContain('deprecated.test.ts');
    expect(callsOf('HIVEDB_DEP0001') - before).toBe(4);
  });

  it('ConnectionPool works as it did: lends, takes back, says how many are out, closes', async () => {
    const pool = new ConnectionPool();
    const first = await pool.getConnection();
    await pool.getConnection();
    expect(await pool.getStats()).toEqual({ inUse: 2, databaseName: 'orchestrator' });
    expect(await first.all('SELECT id FROM tasks')).toEqual([{ id: 'a' }]);
    await pool.returnConnection(first);
    expect(await pool.getStats()).toMatchObject({ inUse: 1 });
    await pool.closeAll();
    expect(await pool.getStats()).toMatchObject({ inUse: 0 });
    await expect(pool.getConnection()).rejects.toThrow('closed');
    const service = await getDatabaseService();
    expect(service.snapshot().databases[0]).toMatchObject({ status: 'open', leases: [] });
  });

  it('ConnectionPool warns once per call site, names the replacement, and counts every one made', async () => {
    const before = callsOf('HIVEDB_DEP0002');
    const pools = Array.from({ length: 3 }, () => new ConnectionPool());
    await Promise.all(pools.map((pool) => pool.closeAll()));
    await warned();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ name: 'DeprecationWarning', code: 'HIVEDB_DEP0002' });
    expect(warnings[0]?.message).toContain('getOrchestratorConnection(label) or orchestratorTransaction(label, fn)');
    expect(warnings[0]?.message).toContain('deprecated.test.ts');
    expect(callsOf('HIVEDB_DEP0002') - before).toBe(3);
  });

  it('its use is in the snapshot that health and hive-db read', async () => {
    const service = await getDatabaseService();
    const codes = service.snapshot().deprecations.map(({ code }) => code);
    expect(codes.toSorted()).toEqual(['HIVEDB_DEP0001', 'HIVEDB_DEP0002']);
  });
});

function callsOf(code: string): number {
  return deprecationLedger().find((entry) => entry.code === code)?.calls ?? 0;
}

/** Warnings are emitted when everything that is due now has run. */
function warned(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
