import { createPool, type Lease } from '@hive/pool';
import type { Connection } from './fake-server.ts';
import { WAIT_MS, type PoolPeer } from './peer.ts';

type Held = Lease<Connection>;

/** Made once: without a reason the platform makes an exception for each abort, which costs more than the pool does. */
const CHANGED_MIND = new Error('changed its mind');

/** What a contestant asks of the pool beside connections. */
interface Terms {
  readonly timeEvery?: number;
  /** Of one lease in this many it is remembered where it was acquired. */
  readonly captureEvery?: number;
  /** And of one when it was of none for so long, in milliseconds; 0 is never. */
  readonly captureApartMs?: number;
}

/** Who acquires, in those that say so: a label, as a service gives it. */
const OWNER = 'list orders';

/** Our own pool. Statistics are always on. With an owner each lease says whose it is. */
function hivePoolWith(name: string, terms: Terms, owner?: string): PoolPeer {
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
        ...terms,
      });
      await pool.warm();
      return {
        acquire: owner === undefined ? () => pool.acquire() : () => pool.acquire({ owner }),
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

/**
 * As it comes: in a dense stream one caller in sixteen is timed, and everybody who waits longer than a turn of the event loop; of one
 * lease a millisecond it is remembered where it was acquired.
 */
export const hivePool = hivePoolWith('@hive/pool', {});

/** Every single use is timed. */
export const hivePoolTimingAll = hivePoolWith('@hive/pool, every use timed', { timeEvery: 1 });

/** Without any stack: what the others cost beyond this is what their stacks cost. */
export const hivePoolWithoutStacks = hivePoolWith('@hive/pool, no stacks', { captureApartMs: 0 });

/** With all that is known of a lease as it comes: whose it is, its age, the watch for leaks, and a stack a millisecond. */
export const hivePoolTracked = hivePoolWith('@hive/pool, tracked', {}, OWNER);

/** The same with the stack of one lease in 64. */
export const hivePoolTrackedOften = hivePoolWith('@hive/pool, tracked, 1 stack in 64', { captureEvery: 64 }, OWNER);

/** And of one in 16. */
export const hivePoolTrackedMost = hivePoolWith('@hive/pool, tracked, 1 stack in 16', { captureEvery: 16 }, OWNER);
