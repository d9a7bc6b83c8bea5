import type { Clock, Pool } from '@hive/pool';

/** How long what is lent may still be used. A read of a page or a row takes no longer; a session does. */
const GRACE_MS = 1_000;
const LOOK_EVERY_MS = 20;

/**
 * Closes every resource of a pool that is open when it is called: what nobody uses at once, what is lent when it comes back, and what
 * has not come back after a second anyway. New ones are opened for those who ask meanwhile. Never rejects.
 */
export async function drain(pool: Pool<unknown>, clock: Clock): Promise<void> {
  const lent = new Set(pool.leases().map(({ id }) => id));
  await pool.flush('graceful');
  const deadline = clock.now() + GRACE_MS;
  while (pool.leases().some(({ id }) => lent.has(id))) {
    if (clock.now() >= deadline) {
      await pool.flush('all');
      return;
    }
    await new Promise<void>((resolve) => {
      clock.after(LOOK_EVERY_MS, resolve).unref();
    });
  }
}
