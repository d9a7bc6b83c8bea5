import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '@hive/pool';
import type { CallOptions } from '../database.ts';
import { isSignal } from '../driver/call-options.ts';
import { eitherSignal } from '../either-signal.ts';
import { DatabaseError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { chainOfAwaits } from './await-chain.ts';
import type { Holdable, Holding, Runner } from './holding.ts';
import { KeptSessions } from './kept-sessions.ts';
import { Knot } from './knot.ts';
import { NestedWait, type NestedCall } from './nested-wait.ts';

/** When somebody is told of a call that probably waits for its own caller. */
const SUSPECT_MS = 1_000;
/** How often those are looked at again who still wait: an operator may leave less to be had, and then nobody's call closes the knot. */
const LOOK_AGAIN_MS = 1_000;
/** So long at a time: failing one, or looking who waits for it, takes tens of microseconds, and there may be thousands. */
const SLICE_MS = 5;
/** So many are looked at together. */
const LOOKED_AT_ONCE = 50;

/**
 * The callers' functions of one process that have something in their hands, and what they call meanwhile. A call that waits for what
 * its own caller has would wait for ever: where that is certain it fails at once, where it is likely somebody is told.
 */
export class Holdings {
  /** What callers have that no function was given. */
  readonly kept: KeptSessions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** The function that this is called from inside of, or the call that it has made and that is not served yet. */
  readonly #current = new AsyncLocalStorage<Holding | NestedWait>();
  readonly #all = new Set<Holding>();
  /** Weakly: databases come and go. */
  readonly #byHeld = new WeakMap<Holdable, Set<Holding>>();
  readonly #idle: Runner[] = [];
  /** What was called in this turn of the event loop. */
  #due: NestedWait[] = [];
  #isLookingAgain = false;
  #runners = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.kept = new KeptSessions(clock, logger);
  }

  /** Whether this is called from inside one of the functions, or from what one has started. */
  get isInside(): boolean {
    return this.#current.getStore() !== undefined;
  }

  /**
   * Runs the caller's function that has something in its hands until it settles: `run` calls that, and returns its promise or awaits it at
   * once. `failed` is told what it throws before anybody else is.
   */
  run<T>(
    { held, lease, database, label, fn }: Pick<Holding, 'held' | 'lease' | 'database' | 'label' | 'fn'>,
    run: () => Promise<T>,
    failed: (error: unknown) => void = nothing,
  ): Promise<T> {
    const runner = this.#idle.pop() ?? newRunner(++this.#runners);
    const holding: Holding = { held, lease, database, label, fn, runner, returned: undefined, waits: new Set() };
    const holders = this.#byHeld.get(held) ?? this.#firstHolders(held);
    const outer = this.#current.getStore();
    const wait = outer instanceof NestedWait ? outer : undefined;
    if (wait !== undefined) wait.serves = holding;
    holders.add(holding);
    this.#all.add(holding);
    const over = (): void => {
      if (wait !== undefined) wait.serves = undefined;
      holders.delete(holding);
      this.#all.delete(holding);
      this.#idle.push(runner);
    };
    const begun = (): Promise<T> => {
      const promise = run();
      holding.returned = promise;
      return promise;
    };
    return this.#current.run(holding, runner.run, begun, failed, over);
  }

  #firstHolders(held: Holdable): Set<Holding> {
    const holders = new Set<Holding>();
    this.#byHeld.set(held, holders);
    return holders;
  }

  /** Makes a call from inside one of the functions. What is not a signal is left for the call itself to refuse. */
  nested<O extends CallOptions, T>(
    about: NestedCall,
    options: O,
    call: (options: O, served?: () => void) => Promise<T>,
  ): Promise<T> {
    const current = this.#current.getStore();
    const holding = current instanceof NestedWait ? current.holding : current;
    if (holding === undefined) return call(options);
    const own = new AbortController();
    const signal = anyOf(options, own.signal);
    if (signal === undefined) return call(options);
    const abort = (reason: Error): void => {
      own.abort(reason);
    };
    // Which exist, and whether it may name one, the call itself finds out.
    const { budget } = options as { readonly budget?: unknown };
    const wait = new NestedWait(about, budget, holding, abort, () =>
      chainOfAwaits(
        holding.fn,
        ({ name, site }) => name === holding.runner.name && site.getFileName() === import.meta.url,
      ),
    );
    const served = (): void => {
      wait.decided = true;
    };
    holding.waits.add(wait);
    const told = wait.follow(this.#current.run(wait, call, { ...options, signal }, served));
    this.#considerLater(wait);
    return told;
  }

  /** Takes note of a call that waits for nothing that others have, so that it can be named where others wait for whoever awaits it. */
  noted<T>(about: NestedCall, call: () => Promise<T>): Promise<T> {
    const current = this.#current.getStore();
    const holding = current instanceof NestedWait ? current.holding : current;
    if (holding === undefined) return call();
    const wait = new NestedWait(about, undefined, holding, nothing, () => []);
    wait.decided = true;
    holding.waits.add(wait);
    const work = call();
    wait.lastUntil(work);
    return work;
  }

  /** What a function that has this lease waits for, as far as that is known: what it has called last and has not got yet. */
  awaitedWith(held: Holdable, lease: Holding['lease']): string | undefined {
    const holding = Array.from(this.#byHeld.get(held) ?? []).find((one) => one.lease === lease);
    const wait = Array.from(holding?.waits ?? []).at(-1);
    return wait && `"${wait.label}" of database ${wait.database}, called at ${wait.callSite}`;
  }

  /** Those of one turn together: there may be thousands, and each look at one goes through all. */
  #considerLater(wait: NestedWait): void {
    this.#due.push(wait);
    if (this.#due.length > 1) return;
    this.#clock.nextTurn(() => {
      const due = this.#due;
      this.#due = [];
      void this.#consider(due);
    });
  }

  /** Who closes a knot is the one to be told: the others were there before. */
  async #consider(due: readonly NestedWait[]): Promise<void> {
    const isLikely = (await this.#likely(due)) !== undefined;
    if (due.some(isOpen)) this.#lookAgain();
    if (!isLikely) return;
    this.#clock
      .after(SUSPECT_MS, () => {
        void this.#suspect(due);
      })
      .unref();
  }

  #lookAgain(): void {
    if (this.#isLookingAgain) return;
    this.#isLookingAgain = true;
    const look = (): void => {
      this.#isLookingAgain = false;
      const waits = this.#waits;
      if (waits.length === 0) return;
      // Who has called last is the one to be told.
      void this.#failProven(waits.toReversed());
      this.#lookAgain();
    };
    this.#clock.after(LOOK_AGAIN_MS, look).unref();
  }

  /** Says so once of all that wait for one another: who ends one of these waits has ended all. */
  async #suspect(due: readonly NestedWait[]): Promise<void> {
    const knot = await this.#likely(due);
    if (knot === undefined) return;
    for (const wait of due) {
      if (!isOpen(wait) || wait.told || !knot.isTiedByItself(wait)) continue;
      for (const other of knot.looseWithout(wait.holding)) other.told = true;
      const { database, label, callSite, holding } = wait;
      this.#logger.warn(
        { database, label, callSite, heldAt: askedAt(holding) },
        `probably waits for itself: ${deadlock(wait).message}`,
      );
    }
  }

  /** Ends the waits of which it is certain that nothing else will; returns the knot of those of which it is likely, where one is of these. */
  async #likely(due: readonly NestedWait[]): Promise<Knot | undefined> {
    if (!(await this.#failProven(due))) return undefined;
    const open = due.filter(isOpen);
    if (open.length === 0) return undefined;
    const knot = new Knot(this.#waits, this.#holdersOf);
    return open.some((wait) => knot.isTiedByItself(wait)) ? knot : undefined;
  }

  /** Returns whether anybody of them may wait for himself. */
  async #failProven(due: readonly NestedWait[]): Promise<boolean> {
    if (!due.some(isOpen)) return false;
    const possible = new Knot(this.#waits, this.#holdersOf).waits;
    if (!due.some((wait) => possible.has(wait))) return false;
    await this.#look(Array.from(possible));
    while (!this.#failSome(due)) await this.#nextTurn();
    return true;
  }

  async #look(waits: readonly NestedWait[]): Promise<void> {
    let since = this.#clock.now();
    for (let next = 0; next < waits.length; next += LOOKED_AT_ONCE) {
      if (this.#clock.now() - since >= SLICE_MS) {
        await this.#nextTurn();
        since = this.#clock.now();
      }
      await Promise.all(waits.slice(next, next + LOOKED_AT_ONCE).map((wait) => wait.look()));
    }
  }

  /** Returns whether those were all; the others have to be judged anew when the event loop has turned. */
  #failSome(due: readonly NestedWait[]): boolean {
    const begun = this.#clock.now();
    const knot = new Knot(
      this.#waits.filter(({ isAwaited }) => isAwaited),
      this.#holdersOf,
    );
    const since = this.#clock.now();
    // As long as that has taken, or most of the time is spent on it.
    const sliceMs = Math.max(SLICE_MS, since - begun);
    let failed: boolean;
    do {
      failed = false;
      // One after the other: the next may be loose by then, and one before it may wait for itself alone.
      for (const wait of due) {
        if (!isOpen(wait) || !knot.isTiedByItself(wait)) continue;
        // Nobody else is failed with it while its caller is still to be told.
        wait.decided = true;
        wait.abort(deadlock(wait));
        // One at least each time: to find it may take that long.
        if (this.#clock.now() - since >= sliceMs) return false;
        knot.loosen(wait);
        failed = true;
      }
    } while (failed);
    return true;
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.nextTurn(resolve);
    });
  }

  /** Those that are not served and not failed. */
  get #waits(): readonly NestedWait[] {
    return Array.from(this.#all)
      .flatMap(({ waits }) => Array.from(waits))
      .filter(({ decided }) => !decided);
  }

  readonly #holdersOf = (held: Holdable): readonly Holding[] => {
    const holders = held.isHadWith === undefined ? (this.#byHeld.get(held) ?? []) : this.#all;
    return Array.from(holders).filter((one) => isActive(one) && held.isHadWith?.(one.database) !== false);
  };
}

/** Made once each and used again: the engine tells functions apart by the names that they were made with. */
function newRunner(number: number): Runner {
  const name = `holding ${number}`;
  const { [name]: run } = {
    async [name]<T>(fn: () => Promise<T>, failed: (error: unknown) => void, over: () => void): Promise<T> {
      try {
        return await fn();
      } catch (error) {
        failed(error);
        throw error;
      } finally {
        over();
      }
    },
  };
  if (run === undefined) throw new Error('BUG: a function has lost its name');
  return { name, run };
}

/** Undefined where the options, or the signal in them, are not what they should be. */
function anyOf(options: CallOptions | null, own: AbortSignal): AbortSignal | undefined {
  if (typeof options !== 'object' || options === null) return undefined;
  const { signal } = options;
  if (signal === undefined) return own;
  return isSignal(signal) ? eitherSignal(signal, own) : undefined;
}

function nothing(): void {}

/** Whether it still waits for what others may have. */
function isOpen({ goesOn, over }: NestedWait): boolean {
  return !goesOn && !over;
}

function isActive({ lease }: Holding): boolean {
  return lease.active;
}

function askedAt({ held, lease }: Holding): string | undefined {
  return held.askedAt(lease.id);
}

function budgetInWords(budget: string | undefined): string {
  return budget === undefined ? 'the default budget' : `budget ${JSON.stringify(budget)}`;
}

function deadlock({ held, database, label, budget, callSite, holding }: NestedWait): DatabaseError {
  const place = askedAt(holding);
  const where = place === undefined ? '' : ` at ${place}`;
  const ofBudget = held.inWayOf?.(budget) === undefined ? '' : ` of ${budgetInWords(budget)}, which has its most`;
  const has = holding.held === held ? `has ${held.what}` : `has ${holding.held.what} of database ${holding.database}`;
  return new DatabaseError(
    'SELF_DEADLOCK',
    `it waits for ${held.what}${ofBudget}, called at ${callSite}, and cannot get it before "${holding.label}"${where} has returned, which ${has} and waits for this call`,
    {
      database,
      label,
      advice: 'use the handle that the function was given, or make the call when the function has returned',
      culprits: [{ pid: process.pid, label: holding.label, ...(place === undefined ? {} : { callSite: place }) }],
    },
  );
}
