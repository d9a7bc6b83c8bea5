import type { Connection, FakeServer } from './fake-server.ts';

/**
 * What every pool is asked for. The rest is the same everywhere, as far as a pool has it: nothing is validated or reset, waits
 * end after 30 s, and at most `max` connections exist.
 */
export interface PoolLimits {
  readonly max: number;
  /** How many connections are open and idle before anything is measured. */
  readonly idle: number;
}

/** A wait that its caller can give up. */
export interface AbortableWait {
  readonly held: Promise<unknown>;
  abort(): void;
}

/** A pool behind the same few calls. Each is one call of the pool's own, so that the adapter costs nothing. */
export interface OpenPool {
  /** What `acquire` yields goes to `connection` and `release` and is nobody else's business. */
  acquire(): Promise<unknown>;
  connection(held: unknown): Connection;
  release(held: unknown): void;
  /** Only where a pool can hand out without a promise. */
  readonly tryAcquire?: () => unknown;
  /** Only where a caller can leave the queue. */
  readonly acquireAbortable?: () => AbortableWait;
  close(): Promise<void>;
}

/** A pool library, or one way to set it up. */
export interface PoolPeer {
  readonly name: string;
  readonly package: string;
  /** The module that defines it: each contestant loads it anew, see `entrant.ts`. */
  readonly home: string;
  open(server: FakeServer, limits: PoolLimits): Promise<OpenPool>;
}

/** How long a caller waits, in all pools that can end a wait. */
export const WAIT_MS = 30_000;

/** For pools that open nothing in advance: opens what is to be idle by using it once. */
export async function prewarm(pool: OpenPool, { idle }: PoolLimits): Promise<OpenPool> {
  const held = await Promise.all(Array.from({ length: idle }, async () => pool.acquire()));
  for (const one of held) pool.release(one);
  return pool;
}
