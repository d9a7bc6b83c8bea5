import type { Books } from './books.ts';
import type { Timer } from './clock.ts';
import type { Closer } from './closer.ts';
import { CLOSING, CREATING, LEASED, RESETTING, stays, VALIDATING, type Entry } from './entry.ts';
import { PoolError } from './errors.ts';
import type { Holders } from './holders.ts';
import type { LeaseInfo } from './lease.ts';
import type { Opener } from './opener.ts';
import type { FlushMode } from './pool.ts';
import { inWords } from './settings.ts';
import type { Upkeep } from './upkeep.ts';

/** With whom a clearance works. */
interface Surroundings<R> {
  readonly opener: Opener<R>;
  readonly upkeep: Upkeep<R>;
  readonly holders: Holders<R>;
  readonly closer: Closer<R>;
  /** Told when there may be fewer than before. */
  readonly freed: () => void;
}

/** Ends resources because somebody says so: those that a flush names, and at last all of them. */
export class Clearance<R> {
  readonly #books: Books<R>;
  readonly #surroundings: Surroundings<R>;

  constructor(books: Books<R>, surroundings: Surroundings<R>) {
    this.#books = books;
    this.#surroundings = surroundings;
  }

  /** Begins to end what the mode says; returns what that is, and the leases that were revoked for it. Throws `CONFIG` for what is no mode. */
  flush(mode: FlushMode): { readonly ended: readonly Entry<R>[]; readonly revoked: readonly LeaseInfo[] } {
    const before = Array.from(this.#books.roster).filter(({ state }) => state.kind !== CLOSING);
    const revoked = this.#takeAway(mode, before);
    return { ended: before.filter((entry) => !stays(entry)), revoked };
  }

  #takeAway(mode: FlushMode, entries: readonly Entry<R>[]): readonly LeaseInfo[] {
    const { upkeep, holders, closer } = this.#surroundings;
    switch (mode) {
      case 'idle':
        closer.closeLongestIdle('flushed');
        return [];
      case 'graceful':
        upkeep.condemn();
        return [];
      case 'leaked':
        return this.#revoke(mode, entries, (entry) => holders.isSuspect(entry));
      case 'all': {
        upkeep.condemn();
        const revoked = this.#revoke(mode, entries, () => true);
        for (const entry of entries) if (isBetweenLeases(entry)) closer.close(entry, 'flushed');
        return revoked;
      }
      default:
        throw new PoolError('CONFIG', `flush mode is ${inWords(mode)}; expected idle, all, leaked or graceful`);
    }
  }

  /** Revokes the leases that are to go. */
  #revoke(mode: FlushMode, entries: readonly Entry<R>[], isOver: (entry: Entry<R>) => boolean): readonly LeaseInfo[] {
    const { holders } = this.#surroundings;
    const revoked: LeaseInfo[] = [];
    for (const entry of entries)
      if (entry.state.kind === LEASED && isOver(entry))
        revoked.push(holders.revoke(entry, `revoked by flush('${mode}')`, 'flushed'));
    return revoked;
  }

  /** Ends everything; leases may come back for so long. Resolves, when nothing is left, with those that did not. */
  async closeAll(graceMs: number): Promise<readonly LeaseInfo[]> {
    const { time, roster } = this.#books;
    this.#surroundings.closer.closeLongestIdle('closed');
    for (const { state } of roster) if (state.kind === CREATING) state.abort.abort(new Error('the pool was closed'));

    let forced: readonly LeaseInfo[] = [];
    let grace: Timer | undefined;
    if (roster.live > 0)
      grace = time.clock.after(graceMs, () => {
        forced = this.#force();
      });
    await roster.untilGone(roster);
    grace?.cancel();
    return forced;
  }

  #force(): readonly LeaseInfo[] {
    const { time, roster } = this.#books;
    const { opener, holders, closer, freed } = this.#surroundings;
    time.read();
    const forced: LeaseInfo[] = [];
    for (const entry of roster) {
      const { kind } = entry.state;
      if (kind === LEASED) forced.push(holders.revoke(entry, 'revoked when the pool closed', 'closed'));
      else if (kind === CREATING) opener.abandon(entry);
      else if (isBetweenLeases(entry)) closer.close(entry, 'closed');
    }
    freed();
    return forced;
  }
}

function isBetweenLeases({ state }: Entry<unknown>): boolean {
  return state.kind === VALIDATING || state.kind === RESETTING;
}
