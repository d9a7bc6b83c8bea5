import { Pool } from 'sequelize-pool';
import type { Connection } from './fake-server.ts';
import { prewarm, WAIT_MS, type OpenPool, type PoolPeer } from './peer.ts';

/** Sequelize's pool. It cannot wait without a limit, and asks for a validator. */
export const sequelizePool: PoolPeer = {
  name: 'sequelize-pool',
  package: 'sequelize-pool',
  home: import.meta.url,
  async open(server, limits) {
    const pool = new Pool<Connection>({
      create: async () => server.connect(),
      destroy: (connection) => {
        server.disconnect(connection);
      },
      validate: () => true,
      min: limits.idle,
      max: limits.max,
      acquireTimeoutMillis: WAIT_MS,
    });
    const open: OpenPool = {
      acquire: () => pool.acquire(),
      connection: (held: Connection) => held,
      release: (held: Connection) => {
        pool.release(held);
      },
      close: async () => {
        await pool.drain();
        await pool.destroyAllNow();
      },
    };
    return prewarm(open, limits);
  },
};
