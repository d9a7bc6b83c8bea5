import type { Clock } from '@hive/pool';
import type { ControlReport } from '../control/report.ts';
import type { ControlProgress } from './protocol.ts';

/** An order that nobody has been told the end of. */
interface Open {
  isBegun: boolean;
  readonly settle: (progress: ControlProgress) => void;
  readonly fail: (error: Error) => void;
}

/**
 * What a sentinel has asked the main thread to do, and who is waiting to hear of it. Whoever has been told that it is queued or begun is
 * not told its end: that stands in the log.
 */
export class OrderBook {
  readonly #clock: Clock;
  readonly #open = new Map<number, Open>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Notes an order. Its progress is settled when it has ended, or after `patienceMs`: `begun`, or what `queued` says then. Rejects where it
   * could not be carried out.
   */
  take(
    patienceMs: number,
    queued: () => ControlProgress,
  ): { readonly id: number; readonly progress: Promise<ControlProgress> } {
    const id = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<ControlProgress>();
    const patience = this.#clock.after(patienceMs, () => {
      const { isBegun = false } = this.#open.get(id) ?? {};
      this.#open.delete(id);
      resolve(isBegun ? { state: 'begun' } : queued());
    });
    patience.unref();
    this.#open.set(id, {
      isBegun: false,
      settle: (progress) => {
        patience.cancel();
        resolve(progress);
      },
      fail: (error) => {
        patience.cancel();
        reject(error);
      },
    });
    return { id, progress: promise };
  }

  begun(id: number): void {
    const order = this.#open.get(id);
    if (order !== undefined) order.isBegun = true;
  }

  /** Without a report it could not be carried out. */
  ended(id: number, report: ControlReport | undefined): void {
    const order = this.#open.get(id);
    this.#open.delete(id);
    if (report === undefined) order?.fail(new Error('the order ended without a report'));
    else order?.settle({ state: 'done', report });
  }
}
