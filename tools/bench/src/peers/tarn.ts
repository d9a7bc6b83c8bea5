import { Pool } from 'tarn';
import type { Connection } from './fake-server.ts';
import { prewarm, WAIT_MS, type OpenPool, type PoolPeer } from './peer.ts';

/** knex's pool. It cannot wait without a limit. */
export const tarn: PoolPeer = {
  name: 'tarn',
  package: 'tarn',
  home: import.meta.url,
  async open(server, limits) {
    const pool = new Pool<Connection>({
      create: async () => server.connect(),
      destroy: (connection) => {
        server.disconnect(connection);
      },
      min: limits.idle,
      max: limits.max,
      acquireTimeoutMillis: WAIT_MS,
    });
    const open: OpenPool = {
      acquire: () => pool.acquire().promise,
      connection: (held: Connection) => held,
      release: (held: Connection) => {
        pool.release(held);
      },
      acquireAbortable: () => {
        const operation = pool.acquire();
        return {
          held: operation.promise,
          abort: () => {
            operation.abort();
          },
        };
      },
      close: async () => {
        await pool.destroy();
      },
    };
    return prewarm(open, limits);
  },
};
