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
  /** How many are open: while none is, nobody is asked where he comes from. */
  #open = 0;

  constructor(holdings: HoldingSet) {
    this.#holdings = holdings;
  }

  /** Those that belong to this context, the last first. */
  get here(): readonly Holding[] {
    if (this.#open === 0) return NONE;
    const here: Holding[] = [];
    for (let one = this.#current.getStore()?.open; one !== undefined; one = one.outer)
      if (one.holding?.lease.active === true) here.push(one.holding);
    return here;
  }

  /** One that is being opened from here. */
  begin(): KeptSession {
    this.#open++;
    return new KeptSession(this.#current.getStore(), {
      enter: (session) => {
        this.#current.enterWith(session);
      },
      has: (holding) => {
        this.#holdings.add(holding);
      },
      over: (holding) => {
        this.#open--;
        if (holding !== undefined) this.#holdings.delete(holding);
      },
    });
  }
}
