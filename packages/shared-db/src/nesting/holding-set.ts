import type { Holdable, Holding } from './holding.ts';
import type { NestedWait } from './nested-wait.ts';

/** What is in the hands of callers of this process, and what they wait for meanwhile. */
export class HoldingSet {
  readonly #all = new Set<Holding>();
  /** Weakly: databases come and go. */
  readonly #byHeld = new WeakMap<Holdable, Set<Holding>>();

  add(holding: Holding): void {
    const { held } = holding;
    const holders = this.#byHeld.get(held) ?? new Set();
    holders.add(holding);
    this.#byHeld.set(held, holders);
    this.#all.add(holding);
  }

  delete(holding: Holding): void {
    this.#byHeld.get(holding.held)?.delete(holding);
    this.#all.delete(holding);
  }

  /** Who has it, or uses what cannot be had without it. */
  holdersOf(held: Holdable): readonly Holding[] {
    const holders = held.isHadWith === undefined ? (this.#byHeld.get(held) ?? []) : this.#all;
    return Array.from(holders).filter((one) => one.lease.active && held.isHadWith?.(one.database) !== false);
  }

  /** Who has it by this lease. */
  find(held: Holdable, lease: Holding['lease']): Holding | undefined {
    return Array.from(this.#byHeld.get(held) ?? []).find((one) => one.lease === lease);
  }

  /** What all of them wait for. */
  waits(): readonly NestedWait[] {
    return Array.from(this.#all).flatMap(({ waits }) => Array.from(waits));
  }
}
