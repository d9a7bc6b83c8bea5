import type { Clock } from '@hive/pool';
import type { TurnsSnapshot } from '../snapshot.ts';
import { POLLING_QUANTUM_MS } from './participant.ts';
import type { TakeOptions, Turn, Turns } from './turns.ts';

/** Turns where there is nobody to agree with, and why: everybody may try at any time. */
export class NoTurns implements Turns {
  readonly mayTry = true;
  readonly wanted = false;
  readonly holder = undefined;
  readonly #reason: string;
  readonly #clock: Clock;
  #polled = 0;
  #polledAt: number | undefined;

  /** @param reason a sentence for an operator. */
  constructor(reason: string, clock: Clock) {
    this.#reason = reason;
    this.#clock = clock;
  }

  get state(): TurnsSnapshot {
    return Object.freeze({
      mode: 'polling',
      reason: this.#reason,
      waiting: 0,
      oldestWaitMs: 0,
      heldMs: undefined,
      granted: 0,
      polled: this.#polled,
      polledAgoMs: this.#polledAt === undefined ? undefined : this.#clock.now() - this.#polledAt,
    });
  }

  take({ signal }: TakeOptions = {}): Promise<Turn> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const now = this.#clock.now();
    this.#polled++;
    this.#polledAt = now;
    return Promise.resolve({ since: now, isGiven: false, endsAt: now + POLLING_QUANTUM_MS, end: nothing });
  }

  close(): void {
    nothing();
  }
}

function nothing(): void {
  // There is nobody to tell.
}
