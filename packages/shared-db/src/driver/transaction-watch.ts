import type { Clock, Timer } from '@hive/pool';

/** How long a transaction may hold the right to write. */
export interface TransactionLimits {
  /** In all. Default 5 s. */
  readonly limitMs: number;
  /** Without running a statement. Default 1 s: whoever waits for something else has no business holding the lock. */
  readonly idleMs: number;
}

/** Which share of its time without a statement may go by before somebody is told. */
const SLOW_SHARE = 0.5;

/** Watches one transaction and speaks up when it is over its time. Its timer keeps the process alive: the lock must be let go. */
export class TransactionWatch {
  readonly #clock: Clock;
  readonly #limits: TransactionLimits;
  readonly #expire: (what: string | undefined) => void;
  readonly #slow: (idleMs: number) => void;
  readonly #startedAt: number;
  #idleSince: number;
  #running = 0;
  #timer: Timer | undefined;
  #isSlow = false;

  /**
   * @param expire told what the transaction did to be over its time; undefined when it was cut short.
   * @param slow told once, at half the time that it may run no statement.
   */
  constructor(
    clock: Clock,
    limits: TransactionLimits,
    expire: (what: string | undefined) => void,
    slow: (idleMs: number) => void,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#expire = expire;
    this.#slow = slow;
    this.#startedAt = clock.now();
    this.#idleSince = this.#startedAt;
    this.#arm();
  }

  started(): void {
    this.#running++;
  }

  finished(): void {
    this.#running--;
    if (this.#running === 0) this.#idleSince = this.#clock.now();
  }

  /** Ends it before its time. */
  cutShort(): void {
    this.stop();
    this.#expire(undefined);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const now = this.#clock.now();
    const { limitMs, idleMs } = this.#limits;
    const untilLimit = this.#startedAt + limitMs - now;
    const idleForMs = this.#running > 0 ? 0 : now - this.#idleSince;
    if (untilLimit <= 0) this.#expire(`took longer than its limit of ${limitMs} ms`);
    else if (idleForMs >= idleMs) this.#expire(`ran no statement for ${idleMs} ms while it held the right to write`);
    else {
      if (idleForMs >= idleMs * SLOW_SHARE) this.#sayOnce(idleForMs);
      const untilIdle = (this.#isSlow ? idleMs : idleMs * SLOW_SHARE) - idleForMs;
      this.#timer = this.#clock.after(Math.min(untilLimit, untilIdle), () => {
        this.#arm();
      });
    }
  }

  #sayOnce(idleForMs: number): void {
    if (this.#isSlow) return;
    this.#isSlow = true;
    this.#slow(idleForMs);
  }
}
