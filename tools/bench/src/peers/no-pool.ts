import type { Connection } from './fake-server.ts';
import type { OpenPool, PoolPeer } from './peer.ts';

/**
 * An array of connections whose uses are timed, and nothing else: no limit is kept, nobody waits, nothing is counted. What timing every
 * use costs at least on the machine of the hour.
 */
export const noPool: PoolPeer = {
  name: 'no pool, every use timed',
  package: 'node',
  home: import.meta.url,
  async open(server, { idle }) {
    const free: Connection[] = [];
    for (let opened = 0; opened < idle; opened++) free.push(await server.connect());
    let since = 0;
    let usedMs = 0;
    const take = (): Connection | undefined => {
      since = performance.now();
      return free.pop();
    };
    const open: OpenPool = {
      acquire: () => Promise.resolve(take()),
      connection: (held: Connection) => held,
      release: (held: Connection) => {
        usedMs += performance.now() - since;
        free.push(held);
      },
      tryAcquire: take,
      close: () => {
        if (!(usedMs >= 0)) throw new Error('BUG: the clock ran backwards');
        for (const connection of free) server.disconnect(connection);
        return Promise.resolve();
      },
    };
    return open;
  },
};
