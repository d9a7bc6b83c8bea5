/** Nobody has a request in this place. */
const FREE = 0;

/**
 * Who has begun which request, in memory that both threads see: a request that its worker has not begun can be taken back, and it is
 * certain on both sides whether it was. A place holds the number of its request until the worker begins it, and then its negative: what
 * has been taken back, and whose place has another request by now, is never begun.
 */
export class Claims {
  readonly memory: SharedArrayBuffer;
  readonly #places: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#places = new Int32Array(memory);
  }

  static withPlaces(count: number): Claims {
    return new Claims(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
  }

  /** A request is on its way. */
  offer(place: number, request: number): void {
    Atomics.store(this.#places, place, request);
  }

  /** The worker's: whether it may begin. */
  begin(place: number, request: number): boolean {
    return Atomics.compareExchange(this.#places, place, request, -request) === request;
  }

  /** The other side's: whether it was in time, so that nobody will ever begin it. */
  takeBack(place: number, request: number): boolean {
    return Atomics.compareExchange(this.#places, place, request, FREE) === request;
  }

  /** Whether it has been begun, and not been answered as far as this side knows. */
  isBegun(place: number, request: number): boolean {
    return Atomics.load(this.#places, place) === -request;
  }
}
