import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Connection, type DatabaseService } from '@hive/shared-db';
import { ecosystemiserTransaction, getEcosystemiserConnection, getEcosystemiserDatabase } from '../src/db/adapter.ts';
import { serviceIn } from './support/service.ts';

let directory: TemporaryDirectory;
let service: DatabaseService;

beforeAll(async () => {
  directory = temporaryDirectory();
  service = await serviceIn(directory.path);
});

afterAll(async () => {
  await service.close();
  directory[Symbol.dispose]();
});

const INSERT = `INSERT INTO components (id, kind, body, file) VALUES (?, 'pv', '{}', ?)`;
const count = async (c: Connection): Promise<number> =>
  (await c.get<{ n: number }>('SELECT count(*) AS n FROM components'))?.n ?? NaN;
const stored = async (): Promise<number> => (await getEcosystemiserDatabase()).read('count', count);
const leases = (): readonly string[] =>
  service
    .database('ecosystemiser')
    .leases()
    .map(({ owner }) => String(owner));
const clear = (): Promise<unknown> => ecosystemiserTransaction('clear', (tx) => tx.run('DELETE FROM components'));

/** A scope that is left by an error. */
async function failing(): Promise<void> {
  await using session = await getEcosystemiserConnection('about to fail');
  await session.connection.all('SELECT * FROM nothing');
}

/** Writes fifty rows and looks at each. */
async function worker(number: number): Promise<void> {
  for (let operation = 0; operation < 50; operation++) {
    const id = `${number}-${operation}`;
    await ecosystemiserTransaction('add', (tx) => tx.run(INSERT, id, 'test.yaml'));
    await using session = await getEcosystemiserConnection('look');
    expect(await session.connection.get('SELECT id FROM components WHERE id = ?', id)).toEqual({ id });
  }
}

beforeEach(clear);

describe('basic use', () => {
  it('a connection reads what a transaction has committed', async () => {
    await ecosystemiserTransaction('add', (tx) => tx.run(INSERT, 'a', 'test.yaml'));
    await using session = await getEcosystemiserConnection('look');
    expect(await session.connection.all('SELECT id, file FROM components')).toEqual([{ id: 'a', file: 'test.yaml' }]);
  });

  it('a connection writes in a transaction of its own', async () => {
    await using session = await getEcosystemiserConnection('add and look');
    await session.transaction((tx) => tx.run(INSERT, 'a', 'test.yaml'));
    expect(await count(session.connection)).toBe(1);
    await expect(session.connection.run(INSERT, 'b', 'test.yaml')).rejects.toMatchObject({
      code: 'HIVEDB_E_READ_ONLY',
    });
  });

  it('a transaction resolves with what its function does', async () => {
    expect(await ecosystemiserTransaction('ask', () => Promise.resolve(42))).toBe(42);
  });

  it('uses the database of the one service', async () => {
    expect(await getEcosystemiserDatabase()).toBe(service.database('ecosystemiser'));
    expect(service.snapshot().fallbacks).toEqual([]);
  });
});

describe('rollback on error', () => {
  it('a transaction that fails in the middle leaves nothing, and rejects with the very error', async () => {
    const error = new Error('half way');
    const attempt = ecosystemiserTransaction('fail', async (tx) => {
      await tx.run(INSERT, 'a', 'test.yaml');
      expect(await count(tx)).toBe(1);
      throw error;
    });
    await expect(attempt).rejects.toBe(error);
    expect(await stored()).toBe(0);
  });

  it('a statement that breaks a constraint undoes those before it', async () => {
    const attempt = ecosystemiserTransaction('twice', async (tx) => {
      await tx.run(INSERT, 'a', 'test.yaml');
      await tx.run(INSERT, 'a', 'test.yaml');
    });
    await expect(attempt).rejects.toMatchObject({ code: 'HIVEDB_E_CONSTRAINT' });
    expect(await stored()).toBe(0);
  });

  it('a part that fails is undone alone', async () => {
    await ecosystemiserTransaction('in parts', async (tx) => {
      await tx.run(INSERT, 'a', 'test.yaml');
      const part = tx.transaction(async (inner) => {
        await inner.run(INSERT, 'b', 'test.yaml');
        throw new Error('not this one');
      });
      await expect(part).rejects.toThrow('not this one');
    });
    expect(await stored()).toBe(1);
  });

  it('the next transaction works', async () => {
    await expect(ecosystemiserTransaction('fail', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await ecosystemiserTransaction('add', (tx) => tx.run(INSERT, 'a', 'test.yaml'));
    expect(await stored()).toBe(1);
  });
});

describe('5 workers x 50 operations', () => {
  it('lose no write and see what they have written', async () => {
    await Promise.all([1, 2, 3, 4, 5].map(worker));
    expect(await stored()).toBe(250);
  });
});

describe('leak detection', () => {
  it('names a connection that is held, and forgets it when it is given back', async () => {
    const session = await getEcosystemiserConnection('held for a while');
    expect(leases()).toEqual(['held for a while']);
    await session.close();
    expect(leases()).toEqual([]);
  });

  it('a scope that fails gives its connection back', async () => {
    await expect(failing()).rejects.toMatchObject({ code: 'HIVEDB_E_SQL' });
    expect(leases()).toEqual([]);
  });

  it('a hundred connections, one after the other, open no more than the pool holds', async () => {
    for (let number = 0; number < 100; number++) {
      await using session = await getEcosystemiserConnection('one of many');
      await count(session.connection);
    }
    const { pool } = service.database('ecosystemiser').snapshot();
    expect(pool.live).toBeLessThanOrEqual(pool.size);
    expect(pool.leased).toBe(0);
  });
});

describe('sustained load with 8 workers', () => {
  const LOAD_MS = 3_000;
  let acknowledged = 0;
  let failures: unknown[] = [];

  afterEach(() => {
    acknowledged = 0;
    failures = [];
  });

  it('meets no failure, loses no write and leaves no connection out', async () => {
    const database = await getEcosystemiserDatabase();
    const end = systemClock.now() + LOAD_MS;
    const worker = async (number: number): Promise<void> => {
      for (let operation = 0; systemClock.now() < end; operation++)
        try {
          await ecosystemiserTransaction('add', (tx) => tx.run(INSERT, `${number}-t-${operation}`, 'test.yaml'));
          await database.write('add', (tx) => tx.run(INSERT, `${number}-w-${operation}`, 'test.yaml'));
          acknowledged += 2;
          await using session = await getEcosystemiserConnection('look');
          await session.connection.get('SELECT * FROM components WHERE id = ?', `${number}-t-${operation}`);
          database.readSync('look', (c) => c.get('SELECT * FROM components WHERE id = ?', `${number}-w-${operation}`));
        } catch (error) {
          failures.push(error);
        }
    };
    await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(worker));
    expect(failures).toEqual([]);
    expect(acknowledged).toBeGreaterThan(8 * 50);
    expect(await stored()).toBe(acknowledged);
    const { pool, leases, waiters } = database.snapshot();
    expect({ leases, waiters, leased: pool.leased }).toEqual({ leases: [], waiters: [], leased: 0 });
  });
});
