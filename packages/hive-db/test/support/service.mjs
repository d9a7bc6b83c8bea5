// A process with a database service: two databases, a little use of each, one failure, one old API. Obeys lines on standard input.
import { noteDeprecated, openDatabaseService, sqlite } from '@hive/shared-db';
import { createInterface } from 'node:readline';

const [directory, runtimeDirectory] = process.argv.slice(2);
const migrations = [
  { id: 1, name: 'stock', sql: 'CREATE TABLE stock (name TEXT PRIMARY KEY, amount INTEGER NOT NULL)' },
];

const service = await openDatabaseService({
  app: 'shop',
  dataDirectory: directory,
  runtimeDirectory,
  databases: {
    orders: sqlite({ path: 'orders.db', migrations, poolSize: 2, maxOverflow: 1 }),
    stock: sqlite({ path: 'stock.db', migrations }),
  },
});
const orders = service.database('orders');
const stock = service.database('stock');

for (const database of [orders, stock]) {
  await database.write('save stock', (tx) => tx.run('INSERT OR REPLACE INTO stock VALUES (?, ?)', 'bolt', 7));
  await database.read('list stock', (c) => c.all('SELECT * FROM stock'));
}
await orders
  .write('save stock twice', (tx) => tx.run('INSERT INTO stock VALUES (?, ?)', 'bolt', 7))
  .catch(() => undefined);

function getDbConnection() {
  noteDeprecated(
    { code: 'HIVEDB_DEP0001', api: 'getDbConnection()', replacement: 'service.database(name)' },
    getDbConnection,
  );
}
process.removeAllListeners('warning');
process.on('warning', () => undefined);
getDbConnection();

let release = () => undefined;
/** Kept, because what nobody keeps is given back. */
let walked;
const verbs = {
  /** Holds the write lock of `orders` until released. */
  lock: async () => {
    const { promise, resolve } = Promise.withResolvers();
    const held = Promise.withResolvers();
    void orders
      .transaction(
        'move stock',
        async (tx) => {
          await tx.run('UPDATE stock SET amount = 8');
          held.resolve();
          await promise;
        },
        { limitMs: 60_000, idleLimitMs: 60_000 },
      )
      .catch(() => undefined);
    release = resolve;
    await held.promise;
  },
  release: () => release(),
  /** Asks for a write to `orders`, which waits where somebody else has the lock. */
  ask: () => {
    void orders.write('add stock', (tx) => tx.run('UPDATE stock SET amount = amount + 1')).catch(() => undefined);
  },
  /** Holds a reader of `orders` until the end. */
  session: async () => {
    await orders.session('nightly import', { timeoutMs: 600_000 });
  },
  /** Goes through rows of `orders` in a session and stops in the middle. */
  walk: async () => {
    const session = await orders.session('walk', { timeoutMs: 600_000 });
    walked = session.connection.iterate('SELECT * FROM stock, (VALUES (1), (2))');
    await walked[Symbol.asyncIterator]().next();
  },
  /** Reads `orders` in one snapshot until the end. */
  pin: async () => {
    const begun = Promise.withResolvers();
    void orders
      .read('list for ever', async (c) => {
        await c.all('SELECT * FROM stock');
        begun.resolve();
        await new Promise(() => undefined);
      })
      .catch(() => undefined);
    await begun.promise;
  },
  /** Runs one statement that takes longer than any test. */
  count: () => {
    process.stdout.write('count\n');
    const forEver = 'WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n';
    orders.readSync('count to a lot', (c) => c.get(forEver));
  },
  /** Writes to `orders` with one statement that takes longer than any test. */
  fill: () => {
    void orders.write('fill stock', (tx) => {
      process.stdout.write('fill\n');
      tx.run('UPDATE stock SET amount = 8');
      tx.get('WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n');
    });
  },
  /** Stops the main thread, for ever. */
  freeze: () => {
    process.stdout.write('freeze\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
  close: () => service.close(),
};

process.stdout.write('ready\n');
for await (const verb of createInterface(process.stdin)) {
  await verbs[verb]();
  process.stdout.write(`${verb}\n`);
  if (verb === 'close') break;
}
process.stdin.destroy();
