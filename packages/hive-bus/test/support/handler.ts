import type { BusEvent, Delivery, Handle } from '@hive/hive-bus';

/** One call of a handler that waits until a test lets it end. */
export interface HeldCall {
  readonly event: BusEvent;
  readonly delivery: Delivery;
  resolve(): void;
  reject(error: Error): void;
}

/** A handler that writes down what it was given, in order, as `topic:payload`. */
export class Handler {
  readonly calls: string[] = [];
  readonly events: BusEvent[] = [];
  readonly attempts: number[] = [];
  readonly #failures: string[] = [];

  /** The next attempts at this `topic:payload` fail, `times` times. */
  failOn(call: string, times = 1): void {
    for (let time = 0; time < times; time++) this.#failures.push(call);
  }

  // oxlint-disable-next-line typescript/require-await -- a handler is asynchronous by contract
  handle: Handle = async (event, { attempt }) => {
    const call = `${event.topic}:${String(event.payload)}`;
    this.calls.push(call);
    this.events.push(event);
    this.attempts.push(attempt);
    const failure = this.#failures.indexOf(call);
    if (failure < 0) return;
    this.#failures.splice(failure, 1);
    throw new Error(`no luck with ${call}`);
  };
}

/** A handler whose calls end when the test says so. */
export class HeldHandler {
  readonly calls: HeldCall[] = [];

  handle: Handle = (event, delivery) =>
    new Promise((resolve, reject) => {
      this.calls.push({ event, delivery, resolve, reject });
    });
}
