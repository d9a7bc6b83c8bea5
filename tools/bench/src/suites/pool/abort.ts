import type { AbortableWait } from '../../peers/peer.ts';
import type { Scenario } from '../../scenario.ts';
import { shuffled } from '../../shuffle.ts';
import { freshEntrant, type Stage } from './entrant.ts';
import { everybody } from './line-up.ts';

const WAITERS = 10_000;
/** The middle half of the queue. */
const LEAVING = { from: 2_500, to: 7_500 };

export function abortScenario(): Scenario {
  const setting = { max: 1, idle: 1, connectMs: 0 };
  const leaving = LEAVING.to - LEAVING.from;
  return {
    name: 'abort',
    about: `${WAITERS} callers wait; the middle ${leaving} give up in random order, until each has been told.`,
    measures: [{ name: 'time an abort', unit: 'us', better: 'lower' }],
    contestants: everybody.map((peer) => freshEntrant(peer, setting, run)),
  };
}

async function run({ pool }: Stage): Promise<readonly number[]> {
  const { acquireAbortable } = pool;
  if (acquireAbortable === undefined) throw new Error('a caller cannot leave its queue');
  const holder = await pool.acquire();
  const waits = Array.from({ length: WAITERS }, () => acquireAbortable());
  const leaving = waits.slice(LEAVING.from, LEAVING.to);
  const staying = [...waits.slice(0, LEAVING.from), ...waits.slice(LEAVING.to)];
  const served = staying.map(async ({ held }) => {
    pool.release(await held);
  });
  const told = leaving.map(async ({ held }) => held.then(toTrue, toFalse));
  const order = shuffled(leaving);

  const start = performance.now();
  abortAll(order);
  const wronglyServed = (await Promise.all(told)).filter(Boolean).length;
  const elapsedMs = performance.now() - start;

  if (wronglyServed > 0) throw new Error(`served ${wronglyServed} callers that had left`);
  pool.release(holder);
  await Promise.all(served);
  return [(elapsedMs / leaving.length) * 1_000];
}

function abortAll(waits: readonly AbortableWait[]): void {
  for (const wait of waits) wait.abort();
}

function toTrue(): boolean {
  return true;
}

function toFalse(): boolean {
  return false;
}
