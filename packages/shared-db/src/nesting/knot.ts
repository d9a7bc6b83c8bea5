import type { Holdable, Holding } from './holding.ts';
import type { NestedWait } from './nested-wait.ts';

/** What several wait for in the same way. It is asked for once: there may be thousands of them. */
interface Demand {
  readonly held: Holdable;
  readonly holders: readonly Holding[];
  /** As `Holdable.holders` and `Holdable.inWayOf` say. */
  readonly needed: number | undefined;
  readonly inWay: readonly number[] | undefined;
}

/**
 * Those of the waits that can never end: what each waits for is in the hands of functions that themselves wait for one of them, or it is for
 * such a function that it was made. Pure: who holds what is asked of `holdersOf`. The waits that are given count as waited for, but by `spared`,
 * which waits for nothing. Costs a step for each wait, as often as something is loosened by what was loosened before.
 */
export function knotOf(
  waits: Iterable<NestedWait>,
  holdersOf: (held: Holdable) => readonly Holding[],
  spared?: Holding,
): ReadonlySet<NestedWait> {
  const knot = new Set(waits);
  const demandOf = demands(holdersOf);
  for (let loose = true; loose;) {
    loose = false;
    const stuck = new Set(Array.from(knot, ({ holding }) => holding));
    if (spared !== undefined) stuck.delete(spared);
    const tied = new Map<Demand, boolean>();
    for (const wait of knot) {
      const isTied = wait.serves === undefined ? demandIsTied(demandOf(wait), stuck, tied) : stuck.has(wait.serves);
      if (!isTied) loose = knot.delete(wait);
    }
  }
  return knot;
}

/**
 * Which of these waits can never end because of their own callers, among others. Who waits behind others that wait for each other is stuck
 * like them, and gets what he waits for when one of those is failed: to fail him would help nobody.
 */
export function tiedByThemselves(
  some: readonly NestedWait[],
  waits: readonly NestedWait[],
  holdersOf: (held: Holdable) => readonly Holding[],
): readonly NestedWait[] {
  const knot = knotOf(waits, holdersOf);
  const without = new Map<Holding, ReadonlySet<NestedWait>>();
  return some.filter((wait) => {
    if (!knot.has(wait)) return false;
    const { holding } = wait;
    const rest = without.get(holding) ?? knotOf(waits, holdersOf, holding);
    without.set(holding, rest);
    return !rest.has(wait);
  });
}

function demandIsTied(demand: Demand, stuck: ReadonlySet<Holding>, known: Map<Demand, boolean>): boolean {
  const found = known.get(demand) ?? isTied(demand, stuck);
  known.set(demand, found);
  return found;
}

function isTied({ held, holders, needed, inWay }: Demand, stuck: ReadonlySet<Holding>): boolean {
  const those = holders.filter((one) => stuck.has(one));
  const parts = held.isHadWith === undefined ? those.length : new Set(those.map(({ database }) => database)).size;
  // Who holds it without being known may give it back at any moment.
  if (parts >= (needed ?? Infinity)) return true;
  return inWay?.every((id) => those.some(({ lease }) => lease.id === id)) === true;
}

/** Finds the demand of a wait, the same one for all that wait for the same. */
function demands(holdersOf: (held: Holdable) => readonly Holding[]): (wait: NestedWait) => Demand {
  const known = new Map<Holdable, Map<string, Demand>>();
  return ({ held, database, budget }) => {
    const ofHeld = known.get(held) ?? new Map<string, Demand>();
    known.set(held, ofHeld);
    const key = JSON.stringify([database, budget]);
    const demand = ofHeld.get(key) ?? {
      held,
      holders: holdersOf(held),
      needed: held.holders(database),
      inWay: held.inWayOf?.(budget),
    };
    ofHeld.set(key, demand);
    return demand;
  };
}
