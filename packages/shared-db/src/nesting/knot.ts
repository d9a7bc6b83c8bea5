import type { Holdable, Holding } from './holding.ts';
import type { NestedWait } from './nested-wait.ts';

/**
 * Those of the waits that can never end: what each waits for is in the hands of functions that themselves wait for one of them, or it is for
 * such a function that it was made. Pure: who holds what is asked of `holdersOf`. The waits that are given count as waited for, but `spared`, for
 * which nobody waits.
 */
export function knotOf(
  waits: Iterable<NestedWait>,
  holdersOf: (held: Holdable) => readonly Holding[],
  spared?: NestedWait,
): ReadonlySet<NestedWait> {
  const knot = new Set(waits);
  const isStuck = ({ waits: own }: Holding): boolean =>
    Array.from(own).some((wait) => wait !== spared && knot.has(wait));
  const isTied = ({ held, database, budget, serves }: NestedWait): boolean => {
    if (serves !== undefined) return isStuck(serves);
    const stuck = holdersOf(held).filter(isStuck);
    const parts = held.isHadWith === undefined ? stuck.length : new Set(stuck.map((one) => one.database)).size;
    // Who holds it without being known may give it back at any moment.
    if (parts >= (held.holders(database) ?? Infinity)) return true;
    const inWay = held.inWayOf?.(budget);
    return inWay?.every((id) => stuck.some(({ lease }) => lease.id === id)) === true;
  };
  for (let loose = true; loose;) {
    loose = false;
    for (const wait of knot) if (!isTied(wait)) loose = knot.delete(wait);
  }
  return knot;
}

/**
 * Whether a wait is one of those that can never end, and its own caller is part of why. Who waits behind others that wait for each other is stuck
 * like them, and gets what he waits for when one of those is failed: to fail him would help nobody.
 */
export function isTiedByItself(
  wait: NestedWait,
  waits: readonly NestedWait[],
  holdersOf: (held: Holdable) => readonly Holding[],
): boolean {
  return knotOf(waits, holdersOf).has(wait) && !knotOf(waits, holdersOf, wait).has(wait);
}
