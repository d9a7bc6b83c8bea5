// A process with a database service that writes without a pause, several at a time. Says on each line that it hears how many of its
// numbered rows have been acknowledged.
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { createInterface } from 'node:readline';

const [path, runtimeDirectory, writer] = process.argv.slice(2);
const migrations = [{ id: 1, name: 'rows', sql: 'CREATE TABLE row (writer TEXT, n INTEGER, PRIMARY KEY (writer, n))' }];
const databases = { orders: sqlite({ path, migrations, durability: 'normal', required: true }) };
const service = await openDatabaseService({ app: `writer-${writer}`, runtimeDirectory, databases });
const orders = service.database('orders');

let acknowledged = 0;
async function write() {
  for (let n = 0; ; n++) {
    await orders.write('save row', (tx) => tx.run('INSERT INTO row VALUES (?, ?)', writer, n), { timeoutMs: 60_000 });
    acknowledged = n + 1;
  }
}
write().catch((error) => {
  process.stderr.write(`${error}\n`);
});
process.stdout.write('ready\n');
for await (const _ of createInterface(process.stdin)) process.stdout.write(`${acknowledged}\n`);
