import { callSiteOf, placeOfCall } from '../call-site.ts';
import { shownLabel } from '../labels.ts';
import { isCalledByCode } from './await-chain.ts';
import type { Holdable, Holding } from './holding.ts';

/** What was called from inside a function that has something in its hands, and where. */
export interface NestedCall {
  readonly held: Holdable;
  readonly database: string;
  /** As the caller has given it. */
  readonly label: unknown;
}

/** One such call while it goes on. Knows whether the function waits for it: calling is not yet waiting. */
export class NestedWait implements NestedCall {
  readonly held: Holdable;
  readonly database: string;
  readonly label: string;
  /** Which it counts in, where what it waits for has budgets; undefined for the default one. */
  readonly budget: string | undefined;
  /** The innermost function that it was called from. */
  readonly holding: Holding;
  /** The function that it was made for, from when that has what the call has waited for until it has returned. */
  serves: Holding | undefined;
  /** Whether nothing that others have is in its way any more: it is done or has failed, and its caller is only to be told. */
  decided = false;
  /** Ends the call, for the reason that is given. */
  readonly abort: (reason: Error) => void;
  readonly #calledAt = placeOfCall('called');
  readonly #functionsThatWait: () => readonly string[];
  #gate = Promise.withResolvers<void>();
  readonly #lookers: (() => void)[] = [];
  #over = false;
  #isAwaited = false;
  #isCombined = false;

  constructor(
    { held, database, label }: NestedCall,
    budget: unknown,
    holding: Holding,
    abort: (reason: Error) => void,
    functionsThatWait: () => readonly string[],
  ) {
    this.held = held;
    this.database = database;
    this.label = shownLabel(label);
    this.budget = typeof budget === 'string' ? budget : undefined;
    this.holding = holding;
    this.abort = abort;
    this.#functionsThatWait = functionsThatWait;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether the function was seen to wait for it, so that it cannot go on before this is over. */
  get isAwaited(): boolean {
    return this.#isAwaited && !this.#isCombined;
  }

  /** Who does not wait for anything that others have goes on: what he waits for now is another call, or nobody. */
  get goesOn(): boolean {
    return this.decided || this.serves !== undefined;
  }

  /** Where it was called. */
  get callSite(): string {
    return callSiteOf(String(this.#calledAt.stack));
  }

  /** The promise that its caller gets in place of that of the work itself. */
  follow<T>(work: Promise<T>): Promise<T> {
    this.lastUntil(work);
    return this.#watched(this.#followed(work));
  }

  /** It is over when the work is. */
  lastUntil(work: Promise<unknown>): void {
    const end = (): void => {
      this.#over = true;
      this.holding.waits.delete(this);
      this.#gate.resolve();
    };
    void work.then(end, end);
  }

  /** Looks who waits for it. Resolves when that is known. */
  look(): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      this.#lookers.push(resolve);
      this.#gate.resolve();
    });
  }

  // What runs behind a gate runs as a reaction that the caller's promise hangs on: from there the engine sees who waits for it.
  #followed<T>(work: Promise<T>): Promise<T> {
    return this.#gate.promise.then(() => {
      if (!this.#over) this.#isAwaited = this.#functionsThatWait().includes(this.holding.runner.name);
      for (const looked of this.#lookers.splice(0)) looked();
      if (this.#over) return work;
      this.#gate = Promise.withResolvers();
      return this.#followed(work);
    });
  }

  /**
   * `await` does not ask a promise for its `then`; whoever combines it with others or handles it by himself does, and need not wait for
   * it to the end.
   */
  #watched<T>(told: Promise<T>): Promise<T> {
    const combined = (): void => {
      this.#isCombined = true;
    };
    // oxlint-disable-next-line unicorn/no-thenable -- it is a promise
    return Object.defineProperty(told, 'then', {
      value<A, B>(
        this: Promise<T>,
        fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
        rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
      ): Promise<A | B> {
        if (isCalledByCode()) combined();
        return Promise.prototype.then.call(this, fulfilled, rejected) as Promise<A | B>;
      },
    });
  }
}
