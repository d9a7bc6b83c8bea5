// A process whose workers write and read. Obeys lines on standard input, and says after `five` and `end` what failed.
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { createInterface } from 'node:readline';

const [directory, runtimeDirectory] = process.argv.slice(2);
const migrations = [{ id: 1, name: 'items', sql: 'CREATE TABLE item (name TEXT PRIMARY KEY)' }];
const orders = sqlite({ path: 'orders.db', migrations, poolSize: 2, durability: 'normal' });
const service = await openDatabaseService({
  app: 'toil',
  dataDirectory: directory,
  runtimeDirectory,
  databases: { orders },
});
const database = service.database('orders');
const failures = [];
let rounds = 0;
// An object, because it changes behind the back of the loops.
const state = { isOver: false };
let toil = Promise.resolve();

/** Writes an item and reads it, round by round. */
async function work(worker, most) {
  for (let round = 0; round < most && !state.isOver; round++) {
    const name = `${worker}.${round}`;
    try {
      await database.write('save item', (tx) => tx.run('INSERT INTO item VALUES (?)', name));
      await database.read('find item', (c) => c.all('SELECT * FROM item WHERE name = ?', name));
      rounds++;
    } catch (error) {
      failures.push(error.message);
    }
  }
}

const workers = (count, most) => Promise.all(Array.from({ length: count }, (_, worker) => work(worker, most)));
const report = () => {
  process.stdout.write(`${JSON.stringify({ rounds, failures })}\n`);
};
const verbs = {
  five: () => workers(5, 50),
  eight: () => {
    toil = workers(8, Infinity);
  },
  end: async () => {
    state.isOver = true;
    await toil;
  },
};

process.stdout.write('ready\n');
for await (const verb of createInterface(process.stdin)) {
  await verbs[verb]();
  process.stdout.write(`${verb}\n`);
  if (verb !== 'eight') report();
}
await service.close();
