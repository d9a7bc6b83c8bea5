import type { CallOptions, DatabaseContext } from '../database.ts';
import type { Holdable } from '../nesting/holding.ts';
import type { Call } from './call.ts';
import { NO_OPTIONS, checkCallOptions, checkDuration, type CallKind } from './call-options.ts';
import type { Counters } from './counters.ts';
import type { Engine } from './engine.ts';
import type { Failures } from './failures.ts';
import { assertFunction } from './given-function.ts';
import type { Lifecycle } from './lifecycle.ts';

/** The database that is called. */
export interface CallsHost {
  readonly context: DatabaseContext;
  readonly lifecycle: Lifecycle;
  readonly failures: Failures;
  readonly counters: Counters;
  readonly engine: Pick<Engine, 'assertOutside'>;
}

/** What every call of a database goes through: it is counted under its label, checked, made when the database can be used, and explained. */
export class Calls {
  readonly #host: CallsHost;
  readonly #context: DatabaseContext;
  readonly #lifecycle: Lifecycle;
  readonly #failures: Failures;

  constructor(host: CallsHost) {
    this.#host = host;
    this.#context = host.context;
    this.#lifecycle = host.lifecycle;
    this.#failures = host.failures;
  }

  /** Runs one call from its beginning to its end, and waits for the database meanwhile where that has to be opened. */
  async run<T>(text: string, options: CallOptions, kind: CallKind, run: (call: Call) => Promise<T>): Promise<T> {
    const call = this.begin(text, options, kind);
    try {
      // Whoever called first is in the queue first: nothing is awaited without need.
      if (!this.#lifecycle.isReady) await this.#lifecycle.ready();
      return await run(call);
    } catch (error) {
      throw this.told(error, call);
    } finally {
      this.ended(call);
    }
  }

  /** Counts a call and checks what every call must obey. Throws when it does not. */
  begin(text: string, options: CallOptions, kind: CallKind): Call {
    const { name: database, labels, clock, settings } = this.#context;
    const label = labels.use(text);
    try {
      this.#host.engine.assertOutside(label);
      if (options !== NO_OPTIONS) checkCallOptions(options, kind, { database, label: label.text });
      // That of a session says how long it may be held.
      const asked = kind === 'sessions' ? undefined : options.timeoutMs;
      const timeoutMs = this.duration('timeoutMs', asked === undefined ? settings.acquireTimeoutMs : asked);
      this.#host.counters[kind]++;
      const at = clock.now();
      return { label, at, deadline: at + timeoutMs, options };
    } catch (error) {
      throw this.#failures.told(error, label);
    }
  }

  /** A call that `begin` has counted is over, well or not. `now` spares whoever has just read the clock another reading. */
  ended({ label, at }: Call, now = this.#context.clock.now()): void {
    label.stopwatch.add(now - at);
  }

  /** What its caller is told of a failed call; what his own function has thrown he gets as it is. */
  told(error: unknown, { label, thrown }: Call): unknown {
    if (thrown !== undefined && Object.is(thrown.error, error)) return this.#failures.passedOn(error, label);
    return this.#failures.told(error, label);
  }

  /** A duration that a caller has given. Throws `CONFIG` for what is none. */
  duration(option: string, value: unknown): number {
    return checkDuration(option, value, this.#context.name);
  }

  /** The same for one that need not be given. */
  durationIfGiven(option: string, value: unknown): number | undefined {
    return value === undefined ? undefined : this.duration(option, value);
  }

  /** Throws `WRONG_USE` for what is no function, before anything is borrowed for it. */
  assertFunction(fn: unknown, where: string, { label }: Call): void {
    assertFunction(fn, where, (error) => error.at(this.#context.name, label.text));
  }

  /** Whether this is called from inside a function that has something in its hands. */
  get isNested(): boolean {
    return this.#context.holdings.isInside;
  }

  /** Makes a call that waits for nothing of what is `held` by others: from inside a function of a caller it is what that may be waiting for. */
  noted<T>(held: Holdable, label: string, call: () => Promise<T>): Promise<T> {
    if (!this.isNested) return call();
    return this.#context.holdings.noted({ held, database: this.#context.name, label }, call);
  }

  /**
   * Makes a call that has to wait for something; from inside a function of a caller it may be for what that function has itself. What it is
   * given it calls, if it likes, when it needs nothing any more that others have, and only has to be told.
   */
  nested<O extends CallOptions, T>(
    held: Holdable,
    label: string,
    options: O,
    call: (options: O, served?: () => void) => Promise<T>,
  ): Promise<T> {
    if (!this.isNested) return call(options);
    return this.#context.holdings.nested({ held, database: this.#context.name, label }, options, call);
  }
}
