import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock, Timer } from '@hive/pool';
import type { CallOptions } from '../database.ts';
import { isSignal } from '../driver/call-options.ts';
import { eitherSignal } from '../either-signal.ts';
import { DatabaseError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { awaitingFunctions } from './await-chain.ts';
import type { Holdable, Holding, Runner } from './holding.ts';
import { HoldingSet } from './holding-set.ts';
import type { KeptSession } from './kept-session.ts';
import { KeptSessions } from './kept-sessions.ts';
import { canBeTied, knotOf } from './knot.ts';
import { NestedWait, type NestedCall } from './nested-wait.ts';

/** When somebody is told of a call that probably waits for its own caller. */
const SUSPECT_MS = 1_000;

/**
 * The callers' functions of one process that have something in their hands, their sessions, and what they call meanwhile. A call that waits
 * for what its own caller has would wait for ever: where that is certain it fails at once, where it is likely somebody is told.
 */
export class Holdings {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** The function that this is called from inside of, or the call that it has made and that is not served yet. */
  readonly #current = new AsyncLocalStorage<Holding | NestedWait>();
  readonly #inHand = new HoldingSet();
  readonly #kept = new KeptSessions(this.#inHand);
  readonly #idle: Runner[] = [];
  #runners = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether this is called from inside one of the functions, from what one has started, or by who keeps a session. */
  get isInside(): boolean {
    return this.#current.getStore() !== undefined || this.#kept.here.length > 0;
  }

  /** A session is being opened without a function. */
  keeping(): KeptSession {
    return this.#kept.begin();
  }

  /** Runs a function that has something in its hands until it settles. `failed` is told what it throws before anybody else is. */
  run<T>(
    { held, lease, database, label }: Pick<Holding, 'held' | 'lease' | 'database' | 'label'>,
    fn: () => Promise<T>,
    failed: (error: unknown) => void = nothing,
  ): Promise<T> {
    const runner = this.#idle.pop() ?? newRunner(++this.#runners);
    const holding: Holding = { held, lease, database, label, runner, waits: new Set() };
    const outer = this.#current.getStore();
    const wait = outer instanceof NestedWait ? outer : undefined;
    if (wait !== undefined) wait.serves = holding;
    this.#inHand.add(holding);
    const over = (): void => {
      if (wait !== undefined) wait.serves = undefined;
      this.#inHand.delete(holding);
      this.#idle.push(runner);
    };
    return this.#current.run(holding, runner.run, fn, failed, over);
  }

  /** Makes a call from inside one of the functions. What is not a signal is left for the call itself to refuse. */
  nested<O extends CallOptions, T>(
    about: NestedCall,
    options: O,
    call: (options: O, served?: () => void) => Promise<T>,
  ): Promise<T> {
    const current = this.#current.getStore();
    const kept = this.#kept.here;
    const holding = current instanceof NestedWait ? current.holding : current;
    if (holding?.runner === undefined) return this.#beside(about, kept, options, call);
    const own = new AbortController();
    const signal = anyOf(options, own.signal);
    if (signal === undefined) return call(options);
    const abort = (reason: Error): void => {
      own.abort(reason);
    };
    const wait = new NestedWait(about, { holding, kept }, abort, () => awaitingFunctions(import.meta.url));
    const served = (): void => {
      wait.decided = true;
    };
    const told = wait.follow(this.#current.run(wait, call, { ...options, signal }, served));
    this.#clock.nextTurn(() => {
      void this.#consider(wait);
    });
    return told;
  }

  /** Makes a call of who keeps sessions, if he does. Nothing can be proven of it, so nothing is done to it: it is looked at from outside, much later. */
  #beside<O extends CallOptions, T>(
    about: NestedCall,
    kept: readonly Holding[],
    options: O,
    call: (options: O, served?: () => void) => Promise<T>,
  ): Promise<T> {
    const [holding] = kept;
    if (holding === undefined) return call(options);
    const wait = new NestedWait(about, { holding, kept }, nothing, nobody);
    const served = (): void => {
      wait.decided = true;
    };
    const timer = this.#watch(wait);
    return wait.attend(this.#current.run(wait, call, options, served), () => {
      timer.cancel();
    });
  }

  /** Looks again until there is something to tell: since when a session has not been used is known to about a second. */
  #watch(wait: NestedWait): Pick<Timer, 'cancel'> {
    let timer: Timer | undefined;
    const look = async (): Promise<void> => {
      if (!(await this.#suspect(wait)) && !wait.over) next();
    };
    const next = (): void => {
      timer = this.#clock.after(SUSPECT_MS, () => {
        void look();
      });
      timer.unref();
    };
    next();
    return { cancel: () => timer?.cancel() };
  }

  /** What a function that has this lease waits for, as far as that is known: what it has called last and has not got yet. */
  awaitedWith(held: Holdable, lease: Holding['lease']): string | undefined {
    const holding = this.#inHand.find(held, lease);
    const wait = Array.from(holding?.waits ?? []).at(-1);
    return wait && `"${wait.label}" of database ${wait.database}, called at ${wait.callSite}`;
  }

  /** Who closes a knot is the one to be told: the others were there before. */
  async #consider(wait: NestedWait): Promise<void> {
    if ((await this.#judge(wait)) !== 'likely') return;
    this.#clock
      .after(SUSPECT_MS, () => {
        void this.#suspect(wait);
      })
      .unref();
  }

  /** Whether somebody was told of it. */
  async #suspect(wait: NestedWait): Promise<boolean> {
    if ((await this.#judge(wait, SUSPECT_MS / 2)) !== 'likely') return false;
    const { database, label, callSite, holding } = wait;
    this.#logger.warn(
      { database, label, callSite, heldAt: askedAt(holding) },
      `probably waits for itself: ${(isFunction(holding) ? deadlock(wait) : likelyDeadlock(wait)).message}`,
    );
    return true;
  }

  /** Ends the wait when it is certain that nothing else will. Sessions that were used a moment ago go on. */
  async #judge(wait: NestedWait, idleMs = 0): Promise<'fine' | 'likely' | 'ended'> {
    if (wait.goesOn) return 'fine';
    const isPossible = (one: Holding): boolean =>
      isFunction(one) || idleMs === 0 || (one.held.idleMs?.(one.lease.id) ?? 0) >= idleMs;
    // Most wait for who waits for nothing: that is seen without a look at all the others.
    if (!canBeTied(wait, this.#inHand.holdersOf(wait.held))) return 'fine';
    const possible = this.#knot(() => true, isPossible);
    if (!possible.has(wait)) return 'fine';
    await Promise.all(Array.from(possible, (one) => one.look()));
    if (wait.goesOn) return 'fine';
    if (this.#knot(({ isAwaited }) => isAwaited, isFunction).has(wait)) {
      // Nobody else is failed with it while its caller is still to be told.
      wait.decided = true;
      wait.abort(deadlock(wait));
      return 'ended';
    }
    return this.#knot(() => true, isPossible).has(wait) ? 'likely' : 'fine';
  }

  #knot(counts: (wait: NestedWait) => boolean, isStuck: (holding: Holding) => boolean): ReadonlySet<NestedWait> {
    const waits = this.#inHand.waits().filter((wait) => !wait.decided && counts(wait));
    // Thousands may wait for the same.
    const known = new Map<Holdable, readonly Holding[]>();
    return knotOf(waits, (held) => {
      const holders = known.get(held) ?? this.#inHand.holdersOf(held).filter(isStuck);
      known.set(held, holders);
      return holders;
    });
  }
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

function nobody(): readonly string[] {
  return [];
}

/** And no session. */
function isFunction({ runner }: Holding): boolean {
  return runner !== undefined;
}

function askedAt({ held, lease }: Holding): string | undefined {
  return held.askedAt(lease.id);
}

function deadlock({ held, database, label, callSite, holding }: NestedWait): DatabaseError {
  const place = askedAt(holding);
  const where = place === undefined ? '' : ` at ${place}`;
  const has = holding.held === held ? `has ${held.what}` : `has ${holding.held.what} of database ${holding.database}`;
  return new DatabaseError(
    'SELF_DEADLOCK',
    `it waits for ${held.what}, called at ${callSite}, and cannot get it before "${holding.label}"${where} has returned, which ${has} and waits for this call`,
    {
      database,
      label,
      advice: 'use the handle that the function was given, or make the call when the function has returned',
      culprits: [{ pid: process.pid, label: holding.label, ...(place === undefined ? {} : { callSite: place }) }],
    },
  );
}

/** What is likely where the caller keeps sessions: nobody has what he waits for but who waits in turn. */
function likelyDeadlock({ held, database, label, callSite, kept }: NestedWait): DatabaseError {
  const own = kept
    .filter(({ lease }) => lease.active)
    .map((one) => `"${one.label}", opened at ${askedAt(one)}`)
    .join(', and ');
  return new DatabaseError(
    'SELF_DEADLOCK',
    `it waits for ${held.what}, called at ${callSite}, and everybody who has one waits in turn; its own caller keeps ${own}`,
    { database, label, advice: 'close what is kept before more is asked for, or use it' },
  );
}
