import type { Clock } from '@hive/pool';
import type { Row } from '../driver/driver.ts';
import { unpackRows, type Package, type PackedRows } from './packed-rows.ts';
import type { RowShape } from './row-shape.ts';

/** A large result, of which the parts are there. */
interface Delivery {
  readonly request: number;
  readonly shape: RowShape;
  readonly rows: Row[];
  left: number;
  /** Told undefined when a part is missing: whoever sent them has ended. */
  readonly done: (rows: Row[] | undefined) => void;
}

/**
 * Makes rows of the packages of one reader, one package in a turn of the event loop: a result of a million rows stops nobody for
 * longer than one of a thousand.
 */
export class Unpacking {
  readonly #clock: Pick<Clock, 'nextTurn'>;
  readonly #next: () => Package | undefined;
  readonly #deliveries: Delivery[] = [];
  #resting = false;

  constructor(clock: Pick<Clock, 'nextTurn'>, next: () => Package | undefined) {
    this.#clock = clock;
    this.#next = next;
  }

  /** The next `count` packages of a request are its result. */
  add(request: number, count: number, shape: RowShape, done: Delivery['done']): void {
    this.#deliveries.push({ request, shape, rows: [], left: count, done });
    if (!this.#resting) this.#step();
  }

  #step(): void {
    const [delivery] = this.#deliveries;
    if (delivery === undefined) return;
    const packed = this.#nextOf(delivery);
    if (packed === undefined) this.#finish(delivery, undefined);
    else {
      const rows = unpackRows(packed, delivery.shape);
      delivery.left--;
      if (delivery.left === 0 && delivery.rows.length === 0) this.#finish(delivery, rows);
      else {
        for (const row of rows) delivery.rows.push(row);
        if (delivery.left === 0) this.#finish(delivery, delivery.rows);
      }
    }
    this.#resting = true;
    this.#clock.nextTurn(() => {
      this.#resting = false;
      this.#step();
    });
  }

  /** Leaves out what was sent for a request that has failed afterwards. */
  #nextOf({ request }: Delivery): PackedRows | undefined {
    for (;;) {
      const found = this.#next();
      if (found === undefined || found.request === request) return found?.rows;
    }
  }

  #finish({ done }: Delivery, rows: Row[] | undefined): void {
    this.#deliveries.shift();
    done(rows);
  }
}
