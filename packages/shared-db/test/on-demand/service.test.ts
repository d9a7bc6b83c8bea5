import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  driverDatabase,
  openDatabaseService,
  sqlite,
  type DatabaseChange,
  type Definitions,
  type SqliteDatabase,
} from '@hive/shared-db';
import { giveOrder, locateProcesses } from '@hive/shared-db/presence';
import { FakeDriver, temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { outcomeOf, rejectionOf } from '../support/outcome.ts';
import { save } from '../support/saved-file.ts';
import { SHOP } from '../support/shop.ts';

/** A busy machine is no reason to fail. */
const PATIENT = { timeout: 20_000, interval: 20 };

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What buffers take that somebody still has. */
function memory(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

const QUIET = { app: 'shop', presence: false } as const;

function tenants(directory: string, options: { mostOpen?: number; idleMs?: number; path?: string } = {}) {
  const { path = 'tenants/*.db', ...terms } = options;
  return openDatabaseService({
    ...QUIET,
    dataDirectory: directory,
    databases: {
      orders: sqlite({ path: 'orders.db' }),
      'tenant-*': sqlite({ path, migrations: [SHOP], durability: 'normal', ...terms }),
    },
  });
}

const add = (database: SqliteDatabase, name: string): Promise<unknown> =>
  database.write('add item', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', name));

const names = (database: SqliteDatabase): Promise<unknown> =>
  database.read('items', async (c) => (await c.all<{ name: string }>('SELECT name FROM item')).map(({ name }) => name));

const refusalOf = (databases: Definitions): Promise<unknown> =>
  rejectionOf(openDatabaseService({ ...QUIET, databases }));

describe('a service with databases by pattern', () => {
  it('opens one file for each name, when it is first used, and types the names', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path);
    expectTypeOf(service.database('tenant-acme')).toEqualTypeOf<SqliteDatabase>();
    expectTypeOf<Parameters<typeof service.database>[0]>().toEqualTypeOf<'orders' | `tenant-${string}`>();
    const acme = service.database('tenant-acme');
    expect(existsSync(directory.file('tenants'))).toBe(false);
    expect(service.snapshot().databases.map(({ name }) => name)).toEqual(['orders']);
    await add(acme, 'a');
    await add(service.database('tenant-other'), 'b');
    expect(await names(acme)).toEqual(['a']);
    expect(acme.readSync('items', (c) => c.all('SELECT name FROM item'))).toEqual([{ name: 'a' }]);
    expect(await acme.offload('items', 'SELECT name FROM item')).toEqual([{ name: 'a' }]);
    expect(readdirSync(directory.file('tenants')).filter((file) => file.endsWith('.db'))).toEqual([
      'acme.db',
      'other.db',
    ]);
    expect(service.snapshot().databases.map(({ name, status }) => [name, status])).toEqual([
      ['orders', 'open'],
      ['tenant-acme', 'open'],
      ['tenant-other', 'open'],
    ]);
    expect(service.snapshot().onDemand).toMatchObject([
      { pattern: 'tenant-*', mostOpen: 50, size: 4, maxOverflow: 0, open: 2, opened: 2 },
    ]);
  });

  it('closes one for another when no more may be open, and opens it again with all that was in it', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, { mostOpen: 2 });
    const all = ['a', 'b', 'c', 'd', 'e'].map((part) => service.database(`tenant-${part}`));
    for (const database of all) await add(database, database.name);
    await Promise.all(all.map((database) => add(database, 'again')));
    expect(await Promise.all(all.map(names))).toEqual(all.map(({ name }) => [name, 'again']));
    const [pattern] = service.snapshot().onDemand ?? [];
    expect(pattern?.open).toBe(2);
    expect(pattern?.evicted).toBeGreaterThanOrEqual(8);
  });

  it('keeps open what a session or a suspension holds, and says so to who asks for another', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, { mostOpen: 2 });
    const [a, b, c] = (['a', 'b', 'c'] as const).map((part) => service.database(`tenant-${part}`));
    if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
    const session = await a.session('long export');
    await add(b, 'b');
    b.suspend();
    const label = `look\u001B[2J${'k'.repeat(10_000)}`;
    expect(await rejectionOf(c.read(label, async () => Promise.resolve(1), { timeoutMs: 0 }))).toHaveProperty(
      'label',
      `look\uFFFD[2J${'k'.repeat(111)}…`,
    );
    const error = await rejectionOf(c.read('look', async () => Promise.resolve(1), { timeoutMs: 100 }));
    expect(error).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT', database: 'tenant-c', label: 'look' });
    expect(error).toHaveProperty('culprits.0.label', 'long export');
    b.resume();
    expect(await names(c)).toEqual([]);
    expect(await session.connection.all('SELECT name FROM item')).toEqual([]);
    await session.close();
  });

  it('keeps open what somebody listens to, and tells him of all changes from when it is open', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, { mostOpen: 2, idleMs: 1 });
    const [a, b, c] = (['a', 'b', 'c'] as const).map((part) => service.database(`tenant-${part}`));
    if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
    const heard: DatabaseChange[] = [];
    const stop = a.onChange((change) => heard.push(change));
    expect(heard).toEqual([]);
    await expect.poll(() => heard.splice(0), PATIENT).toEqual([{ database: 'tenant-a', cause: 'unseen' }]);
    for (const other of [b, c, b, c]) await add(other, crypto.randomUUID());
    await add(a, 'a');
    await expect.poll(() => heard.splice(0), PATIENT).toEqual([{ database: 'tenant-a', cause: 'commit' }]);
    expect(service.snapshot().onDemand).toMatchObject([{ inUse: 1 }]);
    const own = new AbortController();
    using _other = a.onChange((change) => heard.push(change), { signal: own.signal });
    stop();
    expect(service.snapshot().onDemand).toMatchObject([{ inUse: 1 }]);
    own.abort();
    await expect.poll(() => service.snapshot().onDemand, PATIENT).toMatchObject([{ open: 0 }]);
    expect(heard).toEqual([]);
    expect(outcomeOf(() => a.onChange('often' as never))).toMatchObject({ code: 'HIVEDB_E_WRONG_USE' });
  });

  it('tells who had to wait for a place what he cannot have seen meanwhile, though it was open', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, { mostOpen: 1 });
    const [a, b] = [service.database('tenant-a'), service.database('tenant-b')];
    await add(a, 'a');
    await using _session = await a.session('export');
    const own = new AbortController();
    const waiting = rejectionOf(b.read('look', async () => Promise.resolve(1), { signal: own.signal }));
    // Now it is to leave its place when the session ends, and takes no more calls.
    const isRefused = (): Promise<string> =>
      a.read('look', async () => Promise.resolve(''), { timeoutMs: 0 }).catch(String);
    await expect.poll(isRefused, PATIENT).toContain('no place came free');
    const heard: DatabaseChange[] = [];
    using _stop = a.onChange((change) => heard.push(change));
    own.abort();
    expect(await waiting).toMatchObject({ code: 'HIVEDB_E_ABORTED' });
    await expect.poll(() => heard, PATIENT).toEqual([{ database: 'tenant-a', cause: 'unseen' }]);
  });

  it('refuses a flush of what is no mode, whether it is open or not', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path);
    const acme = service.database('tenant-acme');
    const refused = { code: 'HIVEDB_E_CONFIG', database: 'tenant-acme' };
    expect(await rejectionOf(acme.flush('ALL' as 'all'))).toMatchObject(refused);
    await add(acme, 'apple');
    expect(await rejectionOf(acme.flush('ALL' as 'all'))).toMatchObject(refused);
  });

  it('opens nothing for what cannot wait, and says what does', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path);
    const acme = service.database('tenant-acme');
    for (const attempt of [
      () => acme.readSync('items', (c) => c.all('SELECT 1')),
      () => acme.snapshot(),
      () => {
        acme.suspend();
      },
    ])
      expect(outcomeOf(attempt)).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED', database: 'tenant-acme' });
    expect(acme.leases()).toEqual([]);
    expect(await acme.flush('all')).toEqual({ destroyed: 0, revoked: [] });
    expect(existsSync(directory.file('tenants'))).toBe(false);
  });

  it('refuses a name that no pattern stands for, and one whose file is another one’s', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, { path: '*.db' });
    const any = (name: string): SqliteDatabase => service.database(name as 'tenant-a');
    for (const name of ['tenant-*', 'tenant-', 'tenant-A', 'tenant-a/b', 'tenant', 'other', `tenant-${'x'.repeat(60)}`])
      expect(outcomeOf(() => any(name))).toMatchObject({ code: 'HIVEDB_E_NAME' });
    expect(service.setEcho(true, { database: 'tenant-acme' })).toMatchObject([
      { key: 'databases.tenant-acme.echo', to: 'true' },
    ]);
    expect(String(outcomeOf(() => any('tenat-a')))).toContain('there are orders, tenant-*; did you mean');
    expect(await rejectionOf(names(service.database('tenant-orders')))).toMatchObject({
      code: 'HIVEDB_E_DUPLICATE_FILE',
    });
  });

  it('refuses a pattern that would be one file for all, one without a letter first, and limits that are none', async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock();
    const remote = driverDatabase({ driver: new FakeDriver({ clock }), identity: 'fake://1' });
    const path = directory.file('one.db');
    expect(String(await refusalOf({ 'tenant-*': sqlite({ path }) }))).toContain(
      `all databases of tenant-* would be one file, ${path}; write a * where the path is another one for each`,
    );
    expect(String(await refusalOf({ 'tenant-*': remote }))).toContain('databases of driver fake cannot have a pattern');
    for (const name of ['*', '*-tenant', 'a*b*', 'tenant *'])
      expect(await refusalOf({ [name]: sqlite({ path }) })).toMatchObject({ code: 'HIVEDB_E_NAME' });
    for (const terms of [{ mostOpen: 0 }, { mostOpen: 1.5 }, { idleMs: -1 }, { idleMs: Number.NaN }])
      expect(outcomeOf(() => sqlite({ path, ...terms }))).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
  });

  it('goes on for who uses one that others wait for, and for its operator: it takes no new calls, but is open', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, { mostOpen: 1 });
    const acme = service.database('tenant-acme');
    const other = service.database('tenant-other');
    const seen: Record<string, unknown> = {};
    const { revoked, waiting } = await acme.session('look', async () => {
      const served = names(other);
      await expect.poll(() => service.snapshot().onDemand?.[0]?.oldestWaitMs, { interval: 20 }).toBeGreaterThan(80);
      seen['one'] = acme.readSync('one', (connection) => connection.get('SELECT 1 AS one'));
      seen['leases'] = acme.leases().map(({ owner }) => owner);
      seen['name'] = acme.snapshot().name;
      return { waiting: served, ...(await acme.flush('all')) };
    });
    expect(seen).toEqual({ one: { one: 1 }, leases: ['look'], name: 'tenant-acme' });
    expect(revoked.map(({ owner }) => owner)).toEqual(['look']);
    expect(await waiting).toEqual([]);
    await service.close();
    const refused = outcomeOf(() => acme.readSync('one', (c) => c.get('SELECT 1')));
    expect(String(refused)).toContain('the service has been closed');
  });

  it('knows where a session was asked for, also when it had to be opened for that', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path);
    const acme = service.database('tenant-acme');
    const session = await acme.session('export');
    expect(acme.leases()[0]?.acquiredAt).toContain('on-demand/service.test.ts');
    await session.close();
    expect(String(await rejectionOf(session.connection.all('SELECT 1')))).toMatch(
      /it was opened at .*on-demand\/service\.test\.ts/,
    );
  });

  it.each(['awaited', 'kept'] as const)(
    'knows where a transaction was asked for, and where a label is used, also when it had to be opened for that: one that is %s',
    async (how) => {
      using directory = temporaryDirectory();
      await using service = await tenants(directory.path);
      const acme = service.database('tenant-acme');
      const begun = acme.transaction('move', () => Promise.resolve(acme.leases()[0]?.acquiredAt));
      // What nobody awaits yet has no stack to its caller when it has waited.
      if (how === 'kept') await service.database('orders').read('meanwhile', () => Promise.resolve());
      expect(await begun).toContain('on-demand/service.test.ts');
      const [label] = service.snapshot().labels.filter((one) => one.label === 'move');
      expect(label?.callSite).toContain('on-demand/service.test.ts');
    },
  );

  it('is well while databases come and go, and says so of one that takes long to open', async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock();
    await using service = await openDatabaseService({
      ...QUIET,
      clock,
      databases: { 'tenant-*': sqlite({ path: directory.file('*.db'), migrations: [SHOP], mostOpen: 1 }) },
    });
    const slow = names(service.database('tenant-slow'));
    expect(service.verdict().reasons).toEqual([]);
    clock.block(1_000);
    expect(service.verdict().reasons).toMatchObject([{ code: 'opening', database: 'tenant-slow' }]);
    while ((await Promise.race([slow, clock.advance(1)])) === undefined);
    const seen = new Set<string>();
    const look = (): void => {
      for (const { code } of service.verdict().reasons) seen.add(code);
      for (const { status } of service.snapshot().databases) seen.add(status);
    };
    for (const who of [0, 1, 2]) {
      const done = names(service.database(`tenant-${who}`));
      // As long as it is not done.
      do look();
      while ((await Promise.race([done, clock.advance(1)])) === undefined);
      look();
    }
    expect([...seen]).toEqual(['open']);
  });

  it('remembers nothing of those that it has closed: their memory is free again', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, { mostOpen: 2 });
    const visit = async (from: number): Promise<void> => {
      for (let who = from; who < from + 40; who++) await names(service.database(`tenant-${who}`));
    };
    await visit(0);
    const before = memory();
    await visit(40);
    await visit(80);
    // Each has histograms of some twenty kilobytes. What one collection finds the next one frees.
    await expect.poll(() => memory() - before, PATIENT).toBeLessThan(300_000);
  });

  it('stays open for who uses it by readSync alone', async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock();
    await using service = await openDatabaseService({
      ...QUIET,
      clock,
      databases: { 'tenant-*': sqlite({ path: directory.file('*.db'), migrations: [SHOP], idleMs: 1_000 }) },
    });
    const acme = service.database('tenant-acme');
    await names(acme);
    for (let times = 0; times < 5; times++) {
      await clock.advance(600);
      expect(acme.readSync('items', (c) => c.all('SELECT name FROM item'))).toEqual([]);
    }
    await clock.advance(1_000);
    expect(outcomeOf(() => acme.snapshot())).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
  });

  it('obeys an order to all while one of them is being closed for want of use', async () => {
    using directory = temporaryDirectory();
    const runtimeDirectory = directory.file('run');
    await using service = await openDatabaseService({
      app: 'shop',
      runtimeDirectory,
      databases: { 'tenant-*': sqlite({ path: directory.file('*.db'), migrations: [SHOP], mostOpen: 3 }) },
    });
    const [found] = await locateProcesses({ directory: runtimeDirectory, timeoutMs: 20_000 });
    const where = { directory: runtimeDirectory, socket: (found as { socket: string }).socket, timeoutMs: 20_000 };
    const orders = new AbortController();
    const churn = (async () => {
      for (let who = 0; !orders.signal.aborted; who++)
        await Promise.all([0, 1, 2, 3].map((one) => names(service.database(`tenant-${(who + one) % 9}`))));
    })();
    const answers: unknown[] = [];
    for (let times = 0; times < 20; times++)
      answers.push(await giveOrder({ verb: 'flush', database: undefined, mode: 'idle' }, where));
    orders.abort();
    await churn;
    for (const answer of answers) {
      expect(answer).toMatchObject({ state: 'done' });
      expect(answer).not.toHaveProperty('report.refusal.code');
    }
  });

  it('obeys the orders of an operator about one that is open, and knows no other', async () => {
    using directory = temporaryDirectory();
    const runtimeDirectory = directory.file('run');
    await using service = await openDatabaseService({
      app: 'shop',
      runtimeDirectory,
      databases: { 'tenant-*': sqlite({ path: directory.file('*.db'), migrations: [SHOP], mostOpen: 1 }) },
    });
    const acme = service.database('tenant-acme');
    await names(acme);
    const [found] = await locateProcesses({ directory: runtimeDirectory, timeoutMs: 20_000 });
    const where = { directory: runtimeDirectory, socket: (found as { socket: string }).socket, timeoutMs: 20_000 };
    const suspended = await giveOrder({ verb: 'suspend', database: 'tenant-acme' }, where);
    expect(suspended).toMatchObject({
      report: { databases: [{ database: 'tenant-acme', after: { status: 'suspended' } }] },
    });
    // Suspended, it keeps its place.
    const other = service.database('tenant-other');
    expect(await rejectionOf(other.read('look', async () => Promise.resolve(1), { timeoutMs: 50 }))).toMatchObject({
      code: 'HIVEDB_E_POOL_TIMEOUT',
    });
    expect(await giveOrder({ verb: 'resume', database: 'tenant-other' }, where)).toMatchObject({
      report: { refusal: { code: 'HIVEDB_E_NAME' } },
    });
    await giveOrder({ verb: 'resume', database: 'tenant-acme' }, where);
    expect(await names(other)).toEqual([]);
  });

  it('gives all of a pattern what its settings say, also when they are read again', async () => {
    using directory = temporaryDirectory();
    const settingsFile = directory.file('settings.yaml');
    writeFileSync(settingsFile, 'databases:\n  tenant-*:\n    pool:\n      size: 2\n');
    await using service = await openDatabaseService({
      ...QUIET,
      settingsFile,
      env: {},
      databases: { 'tenant-*': sqlite({ path: directory.file('*.db'), migrations: [SHOP] }) },
    });
    const acme = service.database('tenant-acme');
    await names(acme);
    expect(acme.snapshot().pool.size).toBe(2);
    save(settingsFile, 'databases:\n  tenant-*:\n    pool:\n      size: 3\n');
    expect(await service.reload()).toMatchObject({ outcome: 'applied' });
    expect(acme.snapshot().pool.size).toBe(3);
    await names(service.database('tenant-other'));
    expect(service.database('tenant-other').snapshot().pool.size).toBe(3);
  });

  it('lets a hundred tenants share a few descriptors', async () => {
    using directory = temporaryDirectory();
    await using service = await openDatabaseService({
      ...QUIET,
      dataDirectory: directory.path,
      databases: { 'tenant-*': sqlite({ path: '*.db', durability: 'normal', mostOpen: 10 }) },
    });
    const before = readdirSync('/proc/self/fd').length;
    let most = 0;
    for (let tenant = 0; tenant < 100; tenant++) {
      const one = service.database(`tenant-${tenant}`);
      await one.read('look', async (c) => c.get('SELECT 1'));
      most = Math.max(most, readdirSync('/proc/self/fd').length - before);
    }
    expect(most).toBeGreaterThanOrEqual(10);
    expect(most).toBeLessThanOrEqual(10 * 18);
    await service.close();
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
  });
});
