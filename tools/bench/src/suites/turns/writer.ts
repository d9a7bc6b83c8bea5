// One of several processes that write to one file. Started by `fleet.ts` with an order; writes at each `Go`, and reports.
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import Database from 'better-sqlite3';
import { writingPeers } from '../../peers/sqlite/line-up.ts';
import { reasonOf } from '../../reason.ts';
import { Stall } from './stall.ts';
import type { Go, WriterOrder, WriterReport } from './workload.ts';

/** One transaction; resolves when it is acknowledged. */
type Write = () => Promise<unknown>;

const INSERT = 'INSERT INTO entry (number) VALUES (?)';
const UPDATE = 'UPDATE total SET writes = writes + 1 WHERE id = 1';
/** The same for all who have one: long enough that a failure is the engine's, not ours. */
const BUSY_TIMEOUT_MS = 10_000;
/** How long a loop of synchronous transactions runs before it lets the event loop turn. */
const BREATH_MS = 1;

const order = JSON.parse(process.argv[2] ?? '') as WriterOrder;
const { holdMs, inFlight, durability } = order.workload;
const write = await opened();
process.on('message', (go: Go) => {
  void run(go).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function opened(): Promise<Write> {
  if (order.method === 'shared-db') return ours();
  const peer = writingPeers.find(({ name }) => name === order.method);
  if (peer === undefined) return bare();
  const writer = await peer.open({
    path: order.path,
    durability,
    busyTimeoutMs: BUSY_TIMEOUT_MS,
    statements: [
      { sql: INSERT, parameters: [process.pid] },
      { sql: UPDATE, parameters: [] },
    ],
    beforeCommit: hold,
  });
  return breathing(() => writer.write());
}

function bare(): Write {
  const database = new Database(order.path, { timeout: order.method === 'busy timeout' ? BUSY_TIMEOUT_MS : 0 });
  database.pragma(`synchronous = ${durability === 'full' ? 2 : 1}`);
  const insert = database.prepare(INSERT);
  const update = database.prepare(UPDATE);
  const transaction = database.transaction(() => {
    insert.run(process.pid);
    update.run();
    hold();
  });
  const transact = (): void => {
    transaction.immediate();
  };
  return order.method === 'busy timeout' ? breathing(transact) : retrying(transact);
}

async function ours(): Promise<Write> {
  const { path, runtimeDirectory } = order;
  const databases = { bench: sqlite({ path, durability, required: true }) };
  const service = await openDatabaseService({ app: 'bench', runtimeDirectory, databases });
  const database = service.database('bench');
  return () =>
    database.write('add entry', (tx) => {
      tx.run(INSERT, process.pid);
      tx.run(UPDATE);
      hold();
    });
}

/** As it is used: it blocks, for as long as the engine waits for the lock. */
function breathing(transact: () => void | Promise<void>): Write {
  let since = performance.now();
  return async () => {
    const written = transact();
    // Whoever has written already is not made to wait for a promise.
    if (written !== undefined) await written;
    if (performance.now() - since < BREATH_MS) return;
    await nextTurn();
    since = performance.now();
  };
}

/** The usual remedy: no busy timeout, and another try after a millisecond. */
function retrying(transact: () => void): Write {
  const once = breathing(transact);
  return async () => {
    for (;;)
      try {
        await once();
        return;
      } catch (error) {
        if (!(error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY'))) throw error;
        await pause(0.75 + 0.5 * Math.random());
      }
  };
}

function hold(): void {
  if (holdMs === 0) return;
  const until = performance.now() + holdMs;
  while (performance.now() < until);
}

async function run({ untilMs }: Go): Promise<WriterReport> {
  const waits: number[] = [];
  let failed = 0;
  const reasons = new Set<string>();
  const stall = await Stall.watch();
  const caller = async (): Promise<void> => {
    while (Date.now() < untilMs) {
      const since = performance.now();
      try {
        await write();
        waits.push(performance.now() - since);
      } catch (error) {
        failed++;
        reasons.add(reasonOf(error));
      }
      if (order.pauseMs > 0) await pause(order.pauseMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  const stallMs = await stall.end();
  const sorted = Float64Array.from(waits).toSorted();
  return {
    committed: waits.length,
    failed,
    reasons: [...reasons],
    worstMs: sorted.at(-1) ?? 0,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    stallMs,
  };
}
