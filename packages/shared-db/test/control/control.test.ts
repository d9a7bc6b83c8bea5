import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabaseService, sqlite, type DatabaseService, type SqliteDatabase } from '@hive/shared-db';
import {
  giveOrder,
  locateProcesses,
  type ControlOrder,
  type DatabaseControl,
  type OrderOutcome,
} from '@hive/shared-db/presence';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connected, heardBy } from '../support/conversation.ts';
import { rejectionOf } from '../support/outcome.ts';
import { recordingLogger, type RecordingLogger } from '../support/recording-logger.ts';
import { save } from '../support/saved-file.ts';
import { itemsOf, SHOP } from '../support/shop.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';

/** A busy machine is no reason to fail. */
const PATIENCE_MS = 20_000;

let place: TemporaryDirectory;
let logger: RecordingLogger;
let service: DatabaseService;
let orders: SqliteDatabase;
let stock: SqliteDatabase;
let socket: string;

beforeEach(async () => {
  place = temporaryDirectory();
  logger = recordingLogger();
  const databases = {
    orders: sqlite({ path: join(place.path, 'orders.db'), migrations: [SHOP], durability: 'normal' }),
    stock: sqlite({ path: join(place.path, 'stock.db'), migrations: [SHOP], durability: 'normal' }),
  };
  const opened = await openDatabaseService({
    app: 'shop',
    settingsFile: join(place.path, 'settings.yaml'),
    runtimeDirectory: join(place.path, 'run'),
    databases,
    logger,
  });
  service = opened;
  orders = opened.database('orders');
  stock = opened.database('stock');
  const [found] = await locateProcesses({ directory: join(place.path, 'run'), timeoutMs: PATIENCE_MS });
  socket = (found as { socket: string }).socket;
});
afterEach(async () => {
  await service.close({ graceMs: 0 });
  place[Symbol.dispose]();
});

function tell(order: ControlOrder): Promise<OrderOutcome> {
  return giveOrder(order, { directory: join(place.path, 'run'), socket, timeoutMs: PATIENCE_MS });
}

/** What was done with the databases. Fails where the order was not done. */
async function done(order: ControlOrder): Promise<readonly DatabaseControl[]> {
  const outcome = await tell(order);
  if (outcome.state !== 'done') throw new Error(`the order is ${outcome.state}`);
  expect(outcome.report.refusal).toBeUndefined();
  return outcome.report.databases;
}

/** What the log says came of orders of this kind. */
function saidOf(verb: ControlOrder['verb']): readonly string[] {
  const begin = `control: ${verb} of orders by process ${process.pid}, as it says itself: `;
  return logger.lines
    .map(({ message }) => message)
    .flatMap((text) => (text.startsWith(begin) ? text.slice(begin.length) : []));
}

const insert = (name: string) => (tx: { run(sql: string, name: string): unknown }) =>
  tx.run('INSERT INTO item (name) VALUES (?)', name);

describe('an order of another process', () => {
  it('changes how many connections there may be, and says from what to what', async () => {
    const before = { status: 'open', size: 4, maxOverflow: 0 };
    expect(await done({ verb: 'resize', database: 'orders', size: 8, maxOverflow: undefined })).toMatchObject([
      { database: 'orders', before, after: { ...before, size: 8 } },
    ]);
    expect(orders.snapshot().pool).toMatchObject({ size: 8, maxOverflow: 0 });
    expect(stock.snapshot().pool).toMatchObject({ size: 4 });
    await done({ verb: 'resize', database: 'orders', size: undefined, maxOverflow: 3 });
    expect(orders.snapshot().pool).toMatchObject({ size: 8, maxOverflow: 3 });
    const origin = `by hand (process ${process.pid})`;
    expect(service.snapshot().settings).toEqual([
      { key: 'databases.orders.pool.size', value: '8', origin },
      { key: 'databases.orders.pool.maxOverflow', value: '3', origin },
    ]);
  });

  it('that leaves fewer connections than are in use interrupts nobody: those close that come back', async () => {
    const sessions = await Promise.all([1, 2, 3].map((n) => orders.session(`session ${n}`)));
    expect(await done({ verb: 'resize', database: 'orders', size: 1, maxOverflow: undefined })).toMatchObject([
      { after: { size: 1, live: 3, leased: 3 }, revoked: [] },
    ]);
    for (const session of sessions) {
      expect(await session.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
      await session[Symbol.asyncDispose]();
    }
    await expect.poll(() => orders.snapshot().pool.live).toBe(1);
    expect(saidOf('resize')).toEqual(['size 4 -> 1, 2 in use beyond it, closed when they come back']);
    expect(await orders.read('next', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
  });

  it('that leaves fewer than are open closes what is idle at once, and the log says how many', async () => {
    const sessions = await Promise.all([1, 2, 3].map((n) => orders.session(`session ${n}`)));
    await Promise.all(sessions.slice(1).map((session) => session.close()));
    await done({ verb: 'resize', database: 'orders', size: 1, maxOverflow: 1 });
    await done({ verb: 'resize', database: 'orders', size: 1, maxOverflow: 1 });
    await done({ verb: 'suspend', database: 'orders' });
    expect([...saidOf('resize'), ...saidOf('suspend')]).toEqual([
      'size 4 -> 1+1, 1 idle closed',
      'as before: open, size 1+1',
      'open -> suspended',
    ]);
    await done({ verb: 'resume', database: 'orders' });
    await sessions[0]?.close();
  });

  it('that leaves fewer connections than budgets reserve fails, and says so', async () => {
    orders.setBudgets({ web: { reserved: 3 } });
    expect(await done({ verb: 'resize', database: 'orders', size: 2, maxOverflow: undefined })).toMatchObject([
      {
        after: { size: 4 },
        failure: { code: 'HIVEDB_E_CONFIG', message: expect.stringContaining('reserves 3 in all') as string },
      },
    ]);
  });

  it('stops a database and lets it go on; whoever waited is served', async () => {
    expect(await done({ verb: 'suspend', database: 'orders' })).toMatchObject([
      { before: { status: 'open' }, after: { status: 'suspended' } },
    ]);
    const waiting = orders.write('save', insert('a'));
    expect(await done({ verb: 'suspend', database: 'orders' })).toMatchObject([{ before: { status: 'suspended' } }]);
    expect(service.verdict().reasons).toMatchObject([{ code: 'suspended', database: 'orders' }]);
    await stock.write('save', insert('b'));
    expect(await done({ verb: 'resume', database: 'orders' })).toMatchObject([{ after: { status: 'open' } }]);
    await waiting;
    expect(itemsOf(orders)).toEqual(['a']);
  });

  it('in an emergency takes away what is in use of all databases, says whose it was and where, and all work again', async () => {
    const never = Promise.withResolvers<undefined>();
    const session = await orders.session('nightly import');
    const begun = Promise.withResolvers<undefined>();
    const taken = [
      rejectionOf(
        orders.transaction('move stock', async (tx) => {
          await tx.run("INSERT INTO item (name) VALUES ('uncommitted')");
          begun.resolve(undefined);
          await never.promise;
        }),
      ),
      rejectionOf(stock.read('list', () => never.promise)),
    ];
    await begun.promise;
    // Behind the transaction that does not end.
    const behind = orders.write('save', insert('behind'));
    const [ofOrders, ofStock] = await done({ verb: 'flush', database: undefined, mode: 'all' });
    expect(ofOrders?.revoked).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ label: 'nightly import', use: 'session' }),
        expect.objectContaining({ label: 'move stock', use: 'write' }),
      ]),
    );
    expect(ofStock?.revoked).toMatchObject([{ label: 'list', use: 'read' }]);
    for (const { acquiredAt } of [...(ofOrders?.revoked ?? []), ...(ofStock?.revoked ?? [])])
      expect(acquiredAt).toContain('control.test.ts');
    // Nobody is waited for: neither function has returned.
    await behind;
    for (const database of [orders, stock]) {
      await database.write('next', insert('next'));
      expect(await database.read('next', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
      await database.transaction('next', (tx) => tx.run("INSERT INTO item (name) VALUES ('later')"));
      await using fresh = await database.session('next');
      expect(await fresh.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
    }
    expect(itemsOf(orders)).toEqual(['behind', 'next', 'later']);
    expect(await rejectionOf(session.connection.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    never.resolve(undefined);
    expect(await Promise.all(taken)).toMatchObject([
      { code: 'HIVEDB_E_LEASE_STALE', label: 'move stock' },
      { code: 'HIVEDB_E_LEASE_STALE', label: 'list' },
    ]);
  });

  it('closes what is idle, the reader for synchronous use included, and spares what is in use', async () => {
    await using session = await orders.session('held');
    await orders.read('idle', (c) => c.get('SELECT 1'));
    orders.readSync('idle', (c) => c.get('SELECT 1'));
    const [flushed] = await done({ verb: 'flush', database: 'orders', mode: 'idle' });
    expect(flushed).toMatchObject({ revoked: [] });
    expect(flushed?.destroyed).toBeGreaterThan(0);
    expect(await session.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(orders.readSync('again', (c) => c.get('SELECT 2 AS two'))).toEqual({ two: 2 });
  });

  it('is written into the log: who, as he says himself, what, from what to what, and what came of it', async () => {
    await done({ verb: 'resize', database: 'orders', size: 8, maxOverflow: undefined });
    await using _session = await orders.session('import');
    await done({ verb: 'flush', database: 'orders', mode: 'all' });
    await tell({ verb: 'suspend', database: 'order' });
    const [resized, flushed, refused] = logger.lines.filter(({ message }) => message.startsWith('control: '));
    const by = { pid: process.pid, command: expect.stringContaining('node') as string, saidByItself: true };
    expect(resized).toMatchObject({
      level: 'info',
      fields: {
        database: 'orders',
        control: { verb: 'resize', size: 8 },
        by,
        from: { size: 4 },
        to: { size: 8 },
        outcome: 'done',
      },
    });
    expect(flushed).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('1 in use taken away') as string,
      fields: { by, revoked: [{ label: 'import' }] },
    });
    expect(refused).toMatchObject({
      level: 'warn',
      fields: { by, outcome: 'refused', control: { database: 'order' } },
    });
  });

  it('has the settings read again, and is told what changed or what is wrong', async () => {
    save(join(place.path, 'settings.yaml'), 'databases: { orders: { pool: { size: 6 } } }');
    const change = { key: 'databases.orders.pool.size', from: '4', to: '6', effect: 'applied' };
    expect(await tell({ verb: 'reload' })).toMatchObject({
      state: 'done',
      report: { settings: { outcome: 'applied', changes: [change] } },
    });
    expect(orders.snapshot().pool.size).toBe(6);
    save(join(place.path, 'settings.yaml'), 'databases: { orders: { pool: { size: six } } }');
    expect(await tell({ verb: 'reload' })).toMatchObject({
      report: { settings: { outcome: 'invalid', problems: [expect.stringContaining('must be a whole number')] } },
    });
    expect(service.verdict().reasons).toMatchObject([{ code: 'settings' }]);
    const audits = logger.lines.filter(({ message }) => message.startsWith('control: reload'));
    expect(audits.map(({ fields }) => fields)).toMatchObject([
      { by: { pid: process.pid, saidByItself: true }, outcome: 'applied', changes: [change] },
      { outcome: 'invalid' },
    ]);
  });

  it('has statements or leases of one database echoed, or of all, and changes from which level on is logged', async () => {
    const change = { key: 'databases.orders.echo', from: 'false', to: 'true', effect: 'applied' };
    const by = `by hand (process ${process.pid})`;
    expect(await tell({ verb: 'echo', database: 'orders', of: 'statements', echo: true })).toMatchObject({
      report: { databases: [], settings: { outcome: 'applied', changes: [{ ...change, toOrigin: by }] } },
    });
    const statements = () => logger.lines.filter(({ message }) => message === 'statement');
    stock.readSync('quiet', (c) => c.get('SELECT 1'));
    orders.readSync('loud', (c) => c.get('SELECT 1'));
    expect(statements()).toMatchObject([{ level: 'info', fields: { database: 'orders', label: 'loud' } }]);
    expect(await tell({ verb: 'echo', database: undefined, of: 'pool', echo: 'debug' })).toMatchObject({
      report: { settings: { changes: [{ to: 'debug' }, { key: 'databases.stock.pool.echo', to: 'debug' }] } },
    });
    await stock.read('lent', (c) => c.get('SELECT 1'));
    expect(logger.said('debug')).toEqual(expect.arrayContaining(['checkout', 'checkin']));
    expect(await tell({ verb: 'log-level', level: 'error' })).toMatchObject({
      report: { settings: { changes: [{ key: 'database.log.level', from: '', to: 'error' }] } },
    });
    const count = statements().length;
    orders.readSync('loud', (c) => c.get('SELECT 1'));
    expect(statements()).toHaveLength(count);
    expect(await tell({ verb: 'log-level', level: 'error' })).toMatchObject({
      report: { settings: { outcome: 'unchanged', changes: [] } },
    });
    expect(await tell({ verb: 'log-level', level: 'default' })).toMatchObject({
      report: { settings: { changes: [{ from: 'error', to: '', toOrigin: 'default' }] } },
    });
    // Also those at a level at which nothing of them would be said.
    const audits = logger.lines.filter(({ message }) => message.startsWith('control: '));
    expect(audits.map(({ message }) => message.split(': ').at(-1))).toEqual([
      'databases.orders.echo false -> true',
      'databases.orders.pool.echo false -> debug, databases.stock.pool.echo false -> debug',
      'database.log.level unset -> error',
      'unchanged',
      'database.log.level error -> unset',
    ]);
    expect(audits[0]).toMatchObject({
      fields: { by: { pid: process.pid, saidByItself: true }, control: { verb: 'echo' } },
    });
    expect(await tell({ verb: 'echo', database: 'order', of: 'pool', echo: true })).toMatchObject({
      report: { databases: [], refusal: { message: expect.stringContaining('did you mean orders') as string } },
    });
  });

  it('moves thresholds of one database or of everything, or is refused where that is wrong, and is always in the log', async () => {
    service.setLogLevel('silent');
    const by = `by hand (process ${process.pid})`;
    const key = 'databases.orders.health.walSize';
    const ofOrders = { verb: 'threshold', database: 'orders', name: 'walBytes', value: 8_192 } as const;
    expect(await tell(ofOrders)).toMatchObject({
      report: {
        databases: [],
        settings: {
          outcome: 'applied',
          changes: [{ key, from: '64MiB', to: '8KiB', toOrigin: by, effect: 'applied' }],
        },
      },
    });
    expect([orders, stock].map((database) => database.snapshot().thresholds?.walBytes)).toEqual([
      8_192,
      64 * 1024 ** 2,
    ]);
    expect(await tell({ ...ofOrders, database: undefined, value: 4_096 })).toMatchObject({ state: 'done' });
    expect([orders, stock].map((database) => database.snapshot().thresholds?.walBytes)).toEqual([4_096, 4_096]);
    expect(service.snapshot().thresholds.walBytes).toBe(4_096);
    for (const wrong of [
      { database: undefined, name: 'utilisationWarn', value: 0.99 },
      { database: 'orders', name: 'blockedShare', value: 0.5 },
      { database: 'orders', name: 'walBytes', value: 1 },
    ] as const)
      expect(await tell({ verb: 'threshold', ...wrong })).toMatchObject({
        report: { refusal: { message: expect.stringContaining(wrong.name) as string } },
      });
    expect(service.settings.thresholds).toMatchObject({ utilisationWarn: 0.8, blockedShare: 0.1, walBytes: 4_096 });
    expect(await tell({ ...ofOrders, database: undefined, value: 'default' })).toMatchObject({
      report: { settings: { changes: [{ key: 'database.health.walSize', to: '64MiB', toOrigin: 'default' }] } },
    });
    const audits = logger.lines.filter(({ message }) => message.startsWith('control: threshold'));
    expect(audits.map(({ level, fields }) => [level, fields['outcome']])).toEqual([
      ['info', 'applied'],
      ['info', 'applied'],
      ...Array.from({ length: 3 }, () => ['warn', 'refused']),
      ['info', 'applied'],
    ]);
  });

  it('for a database that there is not changes nothing, and names the nearest', async () => {
    expect(await tell({ verb: 'suspend', database: 'order' })).toMatchObject({
      state: 'done',
      report: {
        databases: [],
        refusal: { code: 'HIVEDB_E_NAME', message: expect.stringContaining('did you mean orders') as string },
      },
    });
    expect(orders.snapshot().pool.status).toBe('open');
  });

  it('is refused while the service closes; a flush is what ends the wait for who does not let go', async () => {
    await orders.write('save', insert('a'));
    const session = await orders.session('forgotten');
    const closing = service.close({ graceMs: 600_000 });
    for (const order of [
      { verb: 'suspend', database: 'orders' },
      { verb: 'resize', database: 'orders', size: 1, maxOverflow: undefined },
      { verb: 'reload' },
      { verb: 'log-level', level: 'debug' },
      { verb: 'echo', database: undefined, of: 'statements', echo: true },
    ] as const)
      expect(await tell(order)).toMatchObject({ report: { refusal: { code: 'HIVEDB_E_POOL_CLOSED' } } });
    const [flushed] = await done({ verb: 'flush', database: undefined, mode: 'all' });
    expect(flushed?.revoked).toMatchObject([{ label: 'forgotten' }]);
    expect(await closing).toEqual({ forced: [], stuck: [] });
    // The connection that writes was still the last to close, and has tidied up.
    expect(existsSync(join(place.path, 'orders.db-wal'))).toBe(false);
    expect(await rejectionOf(session.connection.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    expect(await orders.flush('all')).toEqual({ destroyed: 0, revoked: [] });
    expect(await tell({ verb: 'reload' })).toMatchObject({
      state: 'refused',
      reason: 'the process has ended meanwhile',
    });
  });
});

/** What a process answers to a text. */
async function send(text: string): Promise<string> {
  const client = await connected(join(place.path, 'run', socket));
  const heard = heardBy(client);
  client.write(text);
  return heard;
}

describe('whoever sends what is no order', () => {
  it('changes nothing, is told so where it was nearly one, and the log says why', async () => {
    const order = { schema: 'hive-db/request/v1', by: 1, timeoutMs: 100, verb: 'flush', mode: 'all' };
    const refusals = [
      { ...order, database: '../../orders' },
      { ...order, database: '\u001b[2Jorders' },
      { ...order, mode: 'everything' },
      { ...order, by: '1' },
      { ...order, sql: 'DROP TABLE item' },
    ];
    for (const message of refusals)
      expect(JSON.parse(await send(`${JSON.stringify(message)}\n`))).toMatchObject({
        ok: false,
        error: { code: 'WRONG_ORDER' },
      });
    expect(JSON.parse(await send(`${JSON.stringify({ ...order, verb: 'drop' })}\n`))).toMatchObject({
      error: { code: 'UNKNOWN_VERB' },
    });
    expect(await send(`${JSON.stringify({ ...order, database: 'x'.repeat(5_000) })}\n`)).toBe('');
    expect(await send('{"schema":"hive-db/request/v1"')).toBe('');
    await using session = await orders.session('unharmed');
    expect(await session.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
    const said = logger.lines.filter(({ message }) => message.startsWith('control: '));
    expect(said).toHaveLength(refusals.length);
    expect(JSON.stringify(said)).not.toContain('DROP');
  });
});
