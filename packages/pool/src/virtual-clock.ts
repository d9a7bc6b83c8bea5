import type { Clock, Timer } from './clock.ts';

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  keepsAlive: boolean;
}

/**
 * A clock that stands still until a test moves it. Timers fire in the order of their due times, and all promise
 * reactions of one timer have run before the next one fires, so a run is the same every time.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #turns = 0;
  #order = 0;
  readonly #alarms = new Set<Alarm>();
  #nextTurn: (() => void)[] = [];
  readonly #epochMs: number;

  constructor(epochMs = 0) {
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#epochMs + this.#now;
  }

  turns(): number {
    return this.#turns;
  }

  after(delayMs: number, callback: () => void): Timer {
    const alarm: Alarm = { at: this.#now + delayMs, order: this.#order++, callback, keepsAlive: true };
    this.#alarms.add(alarm);
    return {
      ref: () => {
        alarm.keepsAlive = true;
      },
      unref: () => {
        alarm.keepsAlive = false;
      },
      cancel: () => {
        this.#alarms.delete(alarm);
      },
    };
  }

  /** The event loop turns by itself, whether time passes or not. */
  nextTurn(callback: () => void): void {
    this.#nextTurn.push(callback);
    if (this.#nextTurn.length > 1) return;
    setImmediate(() => {
      if (this.#nextTurn.length > 0) this.#turn();
    });
  }

  #turn(): void {
    this.#turns++;
    const due = this.#nextTurn;
    this.#nextTurn = [];
    for (const callback of due) callback();
  }

  /** How many pending timers would keep a real process alive. */
  get aliveTimers(): number {
    return [...this.#alarms].filter((alarm) => alarm.keepsAlive).length + this.#nextTurn.length;
  }

  /** Passes `ms` milliseconds, firing everything that falls due on the way, and lets all reactions run. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await this.settle();
    for (let alarm = this.#next(target); alarm !== undefined; alarm = this.#next(target)) {
      this.#alarms.delete(alarm);
      this.#passTo(Math.max(this.#now, alarm.at));
      alarm.callback();
      await this.settle();
    }
    this.#passTo(target);
  }

  /** Passes time as a blocked event loop would: the clock moves, and nothing has run yet. */
  block(ms: number): void {
    this.#now += ms;
  }

  /** Lets promise reactions and callbacks of the next turn run until nothing more happens, without passing time. */
  async settle(): Promise<void> {
    do {
      this.#turn();
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    } while (this.#nextTurn.length > 0);
  }

  /** Time that is not blocked passes while the event loop waits, so the loop turns before anything more happens. */
  #passTo(now: number): void {
    this.#now = now;
    this.#turns++;
  }

  #next(target: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.at > target) continue;
      if (first === undefined || alarm.at < first.at || (alarm.at === first.at && alarm.order < first.order))
        first = alarm;
    }
    return first;
  }
}
