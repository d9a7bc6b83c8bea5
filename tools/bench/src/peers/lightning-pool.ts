import { createPool } from 'lightning-pool';
import type { Connection } from './fake-server.ts';
import { prewarm, WAIT_MS, type OpenPool, type PoolPeer } from './peer.ts';

/** The others' queues are unlimited or hold 10,000; this one would hold 1,000 and be out of the deep scenarios. */
const LONG_QUEUE = 1_000_000;

function lightningPoolWith(name: string, waits: { readonly acquireTimeoutMillis?: number }): PoolPeer {
  return {
    name,
    package: 'lightning-pool',
    home: import.meta.url,
    async open(server, limits) {
      const pool = createPool<Connection>(
        {
          create: async () => server.connect(),
          destroy: (connection) => {
            server.disconnect(connection);
          },
        },
        { min: limits.idle, max: limits.max, maxQueue: LONG_QUEUE, ...waits },
      );
      const open: OpenPool = {
        acquire: () => pool.acquire(),
        connection: (held: Connection) => held,
        release: (held: Connection) => {
          pool.release(held);
        },
        close: () => pool.closeAsync(true),
      };
      return prewarm(open, limits);
    },
  };
}

export const lightningPool = lightningPoolWith('lightning-pool', { acquireTimeoutMillis: WAIT_MS });

/** As it comes: a caller waits for ever, which saves a timer each time. */
export const lightningPoolWaitingForEver = lightningPoolWith('lightning-pool, no timeout', {});
