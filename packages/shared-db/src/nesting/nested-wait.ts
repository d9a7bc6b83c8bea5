import { callSiteOf, isSharedPlace, placeOfCall, textOfStack } from '../call-site.ts';
import { shownLabel } from '../labels.ts';
import { callersOn, isCalledByCode, stackOf, type Frame } from './await-chain.ts';
import type { Holdable, Holding } from './holding.ts';
import { isProven } from './proof.ts';

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
  /** Whether somebody was told that it is likely to wait for its own caller, or of others that it is in one knot with. */
  told = false;
  /** Ends the call, for the reason that is given. */
  readonly abort: (reason: Error) => void;
  readonly #calledAt = placeOfCall('called');
  readonly #chain: () => readonly Frame[] | undefined;
  #promise: Promise<unknown> | undefined;
  #calledFrom: readonly NodeJS.CallSite[] | undefined;
  #gate = Promise.withResolvers<void>();
  readonly #lookers: (() => void)[] = [];
  #over = false;
  #isAwaited = false;
  #isCombined = false;
  #isHandedOn = false;

  constructor(
    { held, database, label }: NestedCall,
    budget: unknown,
    holding: Holding,
    abort: (reason: Error) => void,
    chain: () => readonly Frame[] | undefined,
  ) {
    this.held = held;
    this.database = database;
    this.label = shownLabel(label);
    this.budget = typeof budget === 'string' ? budget : undefined;
    this.holding = holding;
    this.abort = abort;
    this.#chain = chain;
    // Whoever else has it may read it as text.
    if (isSharedPlace(this.#calledAt)) this.#calledFrom = stackOf(this.#calledAt);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether it is certain that the function waits for it, so that it cannot go on before this is over. */
  get isAwaited(): boolean {
    return this.#isAwaited && !this.#isCombined;
  }

  /** Who does not wait for anything that others have goes on: what he waits for now is another call, or nobody. */
  get goesOn(): boolean {
    return this.decided || this.serves !== undefined;
  }

  /** Where it was called. */
  get callSite(): string {
    return callSiteOf(textOfStack(this.#calledAt));
  }

  /** The promise that its caller gets in place of that of the work itself. */
  follow<T>(work: Promise<T>): Promise<T> {
    this.lastUntil(work);
    const promise = this.#watched(this.#followed(work));
    this.#promise = promise;
    return promise;
  }

  /** It is over when the work is. */
  lastUntil(work: Promise<unknown>): void {
    const end = (): void => {
      this.#over = true;
      this.#calledFrom = undefined;
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
      if (!this.#over) this.#isAwaited = this.#isProven();
      for (const looked of this.#lookers.splice(0)) looked();
      if (this.#over) return work;
      this.#gate = Promise.withResolvers();
      return this.#followed(work);
    });
  }

  #isProven(): boolean {
    const { fn, returned } = this.holding;
    const chain = this.#chain();
    if (chain === undefined) return false;
    if (returned === this.#promise) return true;
    const callers = (): readonly Frame[] => callersOn((this.#calledFrom ??= stackOf(this.#calledAt)), fn);
    return isProven({ chain, callers, fn, isHandedOn: this.#isHandedOn });
  }

  /**
   * `await` does not ask a promise for its `then`; whoever combines it with others or handles it by himself does, and need not wait for
   * it to the end.
   */
  #watched<T>(told: Promise<T>): Promise<T> {
    const handedOn = (byCode: boolean): void => {
      this.#isHandedOn = true;
      if (byCode) this.#isCombined = true;
    };
    // oxlint-disable-next-line unicorn/no-thenable -- it is a promise
    return Object.defineProperty(told, 'then', {
      value<A, B>(
        this: Promise<T>,
        fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
        rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
      ): Promise<A | B> {
        handedOn(isCalledByCode());
        return Promise.prototype.then.call(this, fulfilled, rejected) as Promise<A | B>;
      },
    });
  }
}
