import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { giveOrder, locateProcesses } from '@hive/shared-db/presence';
import { expect, it } from 'vitest';
import { startNeighbour } from '../support/neighbour.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Its main thread stands still in a write until somebody writes into a pipe. */
const SERVICE = `
  import { readFileSync } from 'node:fs';
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const [directory] = process.argv.slice(-1);
  const say = (word) => process.stdout.write(word + '\\n');
  const service = await openDatabaseService({
    app: 'shop',
    runtimeDirectory: directory + '/run',
    databases: { orders: sqlite({ path: directory + '/orders.db', durability: 'normal' }) },
    logger: { debug() {}, error() {}, warn() {}, info: (fields, text) => /^control/.test(text) && say(text + ', size ' + fields.to.size) },
  });
  const orders = service.database('orders');
  await orders.write('count', (tx) => { tx.get('SELECT 1'); say('standing'); readFileSync(directory + '/pipe'); });
`;

it('an order for a main thread that stands still is queued, names what it stands still in, and is carried out afterwards', async () => {
  using place = temporaryDirectory();
  const pipe = join(place.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await using shop = startNeighbour(SERVICE, place.path);
  expect(await shop.line()).toBe('standing');
  const directory = join(place.path, 'run');
  const [found] = await locateProcesses({ directory, timeoutMs: 20_000 });
  const { socket } = found as { socket: string };
  const order = { verb: 'resize', database: 'orders', size: 7, maxOverflow: undefined } as const;
  expect(await giveOrder(order, { directory, socket, timeoutMs: 2_000 })).toMatchObject({
    state: 'queued',
    label: 'count',
    blockedMs: expect.toSatisfy((ms: number) => ms > 0) as number,
  });
  writeFileSync(pipe, 'go on');
  expect(await shop.line()).toBe(
    `control: resize of orders by process ${process.pid}, as it says itself: size 4 -> 7, size 7`,
  );
});
