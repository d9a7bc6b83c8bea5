import { EventEmitter } from 'node:events';
import type { Client, PoolClient } from 'pg';
import Pool from 'pg-pool';
import type { Connection, FakeServer } from './fake-server.ts';
import { prewarm, WAIT_MS, type OpenPool, type PoolPeer } from './peer.ts';

type Done = (error?: Error) => void;

/** As much of a PostgreSQL client as the pool touches. */
function mockClientOf(server: FakeServer): new () => Client {
  class MockClient extends EventEmitter {
    /** The pool throws a client away on release unless this is true. */
    readonly _queryable = true;
    fake: Connection | undefined;

    connect(done: Done): void {
      void this.#open(done);
    }

    async #open(done: Done): Promise<void> {
      this.fake = await server.connect();
      done();
    }

    isConnected(): boolean {
      return this.fake !== undefined;
    }

    end(done: Done): void {
      if (this.fake !== undefined) server.disconnect(this.fake);
      this.emit('end');
      done();
    }
  }
  return MockClient as unknown as new () => Client;
}

type Held = PoolClient & { readonly fake: Connection };

function pgPoolWith(name: string, waits: { readonly connectionTimeoutMillis?: number }): PoolPeer {
  return {
    name,
    package: 'pg-pool',
    home: import.meta.url,
    async open(server, limits) {
      const pool = new Pool({ max: limits.max, ...waits }, mockClientOf(server));
      const open: OpenPool = {
        acquire: () => pool.connect(),
        connection: (held: Held) => held.fake,
        release: (held: Held) => {
          held.release();
        },
        close: () => pool.end(),
      };
      return prewarm(open, limits);
    },
  };
}

/** The pool of node-postgres, over a client that does nothing. */
export const pgPool = pgPoolWith('pg-pool', { connectionTimeoutMillis: WAIT_MS });

/** As it comes: a caller waits for ever, which saves a timer each time. */
export const pgPoolWaitingForEver = pgPoolWith('pg-pool, no timeout', {});
