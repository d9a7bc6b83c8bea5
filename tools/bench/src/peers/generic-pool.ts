import { createPool } from 'generic-pool';
import type { Connection } from './fake-server.ts';
import { WAIT_MS, type PoolPeer } from './peer.ts';

function genericPoolWith(name: string, waits: { readonly acquireTimeoutMillis?: number }): PoolPeer {
  return {
    name,
    package: 'generic-pool',
    home: import.meta.url,
    async open(server, { max, idle }) {
      const pool = createPool<Connection>(
        {
          create: async () => server.connect(),
          destroy: (connection) => {
            server.disconnect(connection);
            return Promise.resolve();
          },
        },
        { min: idle, max, ...waits },
      );
      await pool.ready();
      return {
        acquire: () => pool.acquire(),
        connection: (held: Connection) => held,
        release: (held: Connection) => {
          void pool.release(held);
        },
        close: async () => {
          await pool.drain();
          await pool.clear();
        },
      };
    },
  };
}

export const genericPool = genericPoolWith('generic-pool', { acquireTimeoutMillis: WAIT_MS });

/** As it comes: a caller waits for ever, which saves a timer each time. */
export const genericPoolWaitingForEver = genericPoolWith('generic-pool, no timeout', {});
