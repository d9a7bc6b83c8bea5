import { AsyncLocalStorage } from 'node:async_hooks';
import type { HoldingSet } from './holding-set.ts';
import type { Holding } from './holding.ts';
import { KeptSession } from './kept-session.ts';

const NONE: readonly Holding[] = Object.freeze([]);

/**
 * The sessions that were opened without a function. Whose they are the context says from which they were opened, and that comes to others
 * as well, to whom they do not belong: to what was called beside them, to timers. So what follows from it is likely and never certain.
 */
export class KeptSessions {
  readonly #holdings: HoldingSet;
  readonly #current = new AsyncLocalStorage<KeptSession>();
  /** A session that was dropped without being closed has told nobody; its lease is found by the garbage collector. */
  readonly #dropped = new FinalizationRegistry<KeptSession>((session) => {
    session.over();
  });
  /** How many are open: while none is, nobody is asked where he comes from. */
  #open = 0;

  constructor(holdings: HoldingSet) {
    this.#holdings = holdings;
  }

  /**
   * Those that belong to this context and are not over, the last first. Whether their leases are active is for whoever suspects them to ask:
   * what is asked for at each call would never be found by the garbage collector.
   */
  get here(): readonly Holding[] {
    if (this.#open === 0) return NONE;
    const innermost = this.#current.getStore()?.open;
    if (innermost === undefined) return NONE;
    const here: Holding[] = [];
    for (let one: KeptSession | undefined = innermost; one !== undefined; one = one.outer)
      if (one.holding !== undefined) here.push(one.holding);
    return here;
  }

  /** One that is being opened from here. */
  begin(): KeptSession {
    this.#open++;
    const begun: KeptSession = new KeptSession(this.#current.getStore(), {
      enter: (session) => {
        this.#current.enterWith(session);
      },
      has: (holding, lease) => {
        this.#holdings.add(holding);
        this.#dropped.register(lease, begun, begun);
      },
      over: (holding) => {
        this.#open--;
        if (holding === undefined) return;
        this.#holdings.delete(holding);
        this.#dropped.unregister(begun);
      },
    });
    return begun;
  }
}
