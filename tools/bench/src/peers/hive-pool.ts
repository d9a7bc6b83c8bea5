import { createPool, type Lease } from '@hive/pool';
import type { Connection } from './fake-server.ts';
import { WAIT_MS, type PoolPeer } from './peer.ts';

type Held = Lease<Connection>;

/** Made once: without a reason the platform makes an exception for each abort, which costs more than the pool does. */
const CHANGED_MIND = new Error('changed its mind');

/** Our own pool. Statistics are always on. */
function hivePoolWith(name: string, timing: { readonly timeEvery?: number }): PoolPeer {
  return {
    name,
    package: '@hive/pool',
    home: import.meta.url,
    async open(server, { max, idle }) {
      const pool = createPool<Connection>({
        create: async () => server.connect(),
        destroy: (connection) => {
          server.disconnect(connection);
        },
        size: max,
        maxOverflow: 0,
        minIdle: idle,
        acquireTimeoutMs: WAIT_MS,
        ...timing,
      });
      await pool.warm();
      return {
        acquire: () => pool.acquire(),
        connection: (held: Held) => held.resource,
        release: (held: Held) => {
          held.release();
        },
        tryAcquire: () => pool.tryAcquire(),
        acquireAbortable: () => {
          const controller = new AbortController();
          return {
            held: pool.acquire({ signal: controller.signal }),
            abort: () => {
              controller.abort(CHANGED_MIND);
            },
          };
        },
        close: async () => {
          await pool.close();
        },
      };
    },
  };
}

/** As it comes: in a dense stream one caller in sixteen is timed, and everybody who waits longer than a turn of the event loop. */
export const hivePool = hivePoolWith('@hive/pool', {});

/** Every single use is timed. */
export const hivePoolTimingAll = hivePoolWith('@hive/pool, every use timed', { timeEvery: 1 });
