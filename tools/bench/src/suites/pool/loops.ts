// What callers do with a pool. `entrant.ts` loads this module once for each contestant, so that the compiler sees one pool only
// and nobody's loop is slowed down by what it has learnt from another's.
import type { OpenPool } from '../../peers/peer.ts';

/** One caller: acquire, use, release. */
export async function serial(pool: OpenPool, cycles: number): Promise<void> {
  for (let cycle = 0; cycle < cycles; cycle++) {
    const held = await pool.acquire();
    const connection = pool.connection(held);
    connection.enter();
    connection.leave();
    pool.release(held);
  }
}

/** The same without a promise. */
export function synchronous(tryAcquire: () => unknown, pool: OpenPool, cycles: number): void {
  for (let cycle = 0; cycle < cycles; cycle++) {
    const held = tryAcquire();
    const connection = pool.connection(held);
    connection.enter();
    connection.leave();
    pool.release(held);
  }
}

/** Many callers over fewer connections: each holds one over one turn of the microtask queue, and begins again. */
export async function contended(pool: OpenPool, callers: number, cycles: number): Promise<void> {
  const each = Math.ceil(cycles / callers);
  await Promise.all(Array.from({ length: callers }, async () => caller(pool, each)));
}

async function caller(pool: OpenPool, cycles: number): Promise<void> {
  for (let cycle = 0; cycle < cycles; cycle++) {
    const held = await pool.acquire();
    const connection = pool.connection(held);
    connection.enter();
    await settled;
    connection.leave();
    pool.release(held);
  }
}

const settled = Promise.resolve();

/** Many callers at once, each once, each holding for as long as `work` takes. */
export async function burst(pool: OpenPool, callers: number, work: () => Promise<unknown>): Promise<void> {
  await Promise.all(
    Array.from({ length: callers }, async () => {
      const held = await pool.acquire();
      const connection = pool.connection(held);
      connection.enter();
      await work();
      connection.leave();
      pool.release(held);
    }),
  );
}
