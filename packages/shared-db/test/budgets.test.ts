import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  openDatabaseService,
  sqlite,
  type DatabaseService,
  type SqliteDatabase,
  type SqliteOptions,
} from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { outcomeOf, rejectionOf } from './support/outcome.ts';

interface Shared extends AsyncDisposable {
  readonly service: DatabaseService;
  readonly database: SqliteDatabase;
}

/** A database of two readers. */
async function shared(budgets: SqliteOptions['budgets']): Promise<Shared> {
  const directory = temporaryDirectory();
  const path = join(directory.path, 'orders.db');
  const service = await openDatabaseService({
    app: 'shop',
    presence: false,
    databases: { orders: sqlite({ path, poolSize: 2, ...(budgets === undefined ? {} : { budgets }) }) },
  });
  return {
    service,
    database: service.database('orders'),
    [Symbol.asyncDispose]: async () => {
      await service.close({ graceMs: 0 });
      directory[Symbol.dispose]();
    },
  };
}

describe('the budgets of a database', () => {
  it('keep a tenant to its most, and leave the others what there is', async () => {
    await using scene = await shared({ batch: { max: 1 }, web: { reserved: 1 } });
    const { database, service } = scene;
    await using _held = await database.session('import', { budget: 'batch' });
    const late = database.read('report', (c) => c.all('SELECT 1'), { budget: 'batch', timeoutMs: 20 });
    const error = await rejectionOf(late);
    expect(error).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT' });
    expect((error as Error).message).toContain('budget "batch": 1 of 1 leased, 1 waiting');
    expect(await database.read('page', (c) => c.get('SELECT 1 AS one'), { budget: 'web' })).toEqual({ one: 1 });
    expect(await database.read('page', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
    expect(service.snapshot().databases[0]?.pool.budgets).toMatchObject([
      { name: 'default', max: 2, counters: { granted: 1 } },
      { name: 'batch', max: 1, leased: 1, counters: { granted: 1, timeouts: 1 } },
      { name: 'web', reserved: 1, counters: { granted: 1 } },
    ]);
    expect(service.snapshot().databases[0]?.leases).toMatchObject([{ owner: 'import', budget: 'batch' }]);
  });

  it('can be changed while it is in use; wrong ones change nothing', async () => {
    await using scene = await shared(undefined);
    const { database, service } = scene;
    const ask = (): Promise<unknown> => database.read('page', (c) => c.get('SELECT 1 AS one'), { budget: 'web' });
    expect(await rejectionOf(ask())).toMatchObject({ code: 'HIVEDB_E_CONFIG', retryable: false });
    database.setBudgets({ web: {} });
    expect(await ask()).toEqual({ one: 1 });
    for (const wrong of [{ web: { reserved: 3 } }, { web: { max: 0 } }, { 'No Name': {} }, 3])
      expect(
        outcomeOf(() => {
          database.setBudgets(wrong as NonNullable<SqliteOptions['budgets']>);
        }),
      ).toMatchObject({ code: 'HIVEDB_E_CONFIG', database: 'orders' });
    expect(service.snapshot().databases[0]?.pool.budgets?.map(({ name }) => name)).toEqual(['default', 'web']);
  });

  it('that there are not are refused in a sentence that is short and safe to show, whatever they are called', async () => {
    await using scene = await shared({ web: {} });
    for (const budget of ['x'.repeat(10_000), '\u001b[2J'.repeat(1_000), '', 'constructor', '__proto__', 3 as never]) {
      const error = await rejectionOf(scene.database.read('page', (c) => c.get('SELECT 1'), { budget }));
      expect(error).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
      const { message } = error as Error;
      expect(message.length).toBeLessThan(600);
      expect(message).not.toContain('\u001b');
    }
  });

  it('are refused before anything is opened when they are wrong', async () => {
    for (const budgets of [{ web: { reserved: 3 } }, { web: { wait: 1 } }, { 'No Name': {} }, 3]) {
      const opened = (async () => shared(budgets as NonNullable<SqliteOptions['budgets']>))();
      expect(await rejectionOf(opened)).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
    }
  });

  it('are no matter of writes', async () => {
    await using scene = await shared({ web: {} });
    const refused = scene.database.write('save', () => 1, { budget: 'web' } as object);
    expect(await rejectionOf(refused)).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
  });
});
