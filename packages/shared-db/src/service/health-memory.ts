import type { Clock, Timer } from '@hive/pool';
import type { Judged } from '../health/condition.ts';
import { LOOK_EVERY_MS, stepHistory, type HealthHistory } from '../health/history.ts';

/** Who remembers. */
export interface HealthMemoryHost {
  readonly clock: Clock;
  /** How much longer than a second a look at itself waits for one that somebody else asks for. */
  patienceMs(): number;
  look(): Judged;
  remembered(history: HealthHistory): void;
  /** It cannot be looked at, which is no reason to end the process. */
  failed(error: unknown): void;
}

/**
 * What a service remembers of itself, so that its verdict is not that of one moment. It looks once a second, whether anybody asks or not,
 * and never keeps the process alive.
 */
export class HealthMemory {
  readonly #host: HealthMemoryHost;
  #history: HealthHistory | undefined;
  #next: Timer | undefined;

  constructor(host: HealthMemoryHost) {
    this.#host = host;
  }

  get trend(): HealthHistory['trend'] | undefined {
    return this.#history?.trend;
  }

  /** Looks, and goes on to do so. */
  begin(): void {
    this.#remember();
  }

  /** A picture that was taken for somebody else. One a second is enough for both: taking it costs ten times as much as looking at it. */
  seen(judged: Judged): void {
    if (judged.uptimeMs - (this.#history?.at ?? 0) >= LOOK_EVERY_MS) this.#remember(judged);
  }

  #remember(judged?: Judged): void {
    this.#lookAgainLater();
    this.#history = stepHistory(this.#history, judged ?? this.#host.look());
    this.#host.remembered(this.#history);
  }

  #lookAgainLater(): void {
    const { clock } = this.#host;
    this.#next?.cancel();
    this.#next = clock.after(LOOK_EVERY_MS + this.#host.patienceMs(), () => {
      try {
        this.#remember();
      } catch (error) {
        this.#host.failed(error);
      }
    });
    this.#next.unref();
  }

  end(): void {
    this.#next?.cancel();
  }
}
