import type { DriverConnection } from './driver.ts';

/** What a session does elsewhere than on its connection. */
interface Work {
  running: number;
  times: number;
}

/**
 * How often connections were used by those who borrowed them. A driver counts its calls; a session works also while it runs a transaction,
 * which may be on another connection than its own.
 */
export class SessionUses {
  readonly #elsewhere = new WeakMap<DriverConnection, Work>();

  /** A number that changes with every use; undefined during one. */
  of(connection: DriverConnection): number | undefined {
    const { running, times } = this.#elsewhere.get(connection) ?? { running: 0, times: 0 };
    return running > 0 || connection.uses === undefined ? undefined : connection.uses + times;
  }

  /** Counts as a use of the connection, until it has settled. */
  async during<T>(connection: DriverConnection, run: () => Promise<T>): Promise<T> {
    const work = this.#workOf(connection);
    work.running++;
    try {
      return await run();
    } finally {
      work.running--;
      work.times++;
    }
  }

  #workOf(connection: DriverConnection): Work {
    const work = this.#elsewhere.get(connection) ?? { running: 0, times: 0 };
    this.#elsewhere.set(connection, work);
    return work;
  }
}
