import type { Holdable, Holding } from './holding.ts';
import type { NestedWait } from './nested-wait.ts';

/**
 * Those of the waits that can never end: what each waits for is in the hands of functions that themselves wait for one of them. Pure: who
 * holds what is asked of `holdersOf`. The waits that are given count as waited for.
 */
export function knotOf(
  waits: Iterable<NestedWait>,
  holdersOf: (held: Holdable) => ReadonlySet<Holding>,
): ReadonlySet<NestedWait> {
  const knot = new Set(waits);
  const isStuck = ({ waits: own }: Holding): boolean => Array.from(own).some((wait) => knot.has(wait));
  const isTied = ({ held }: NestedWait): boolean => {
    const holders = holdersOf(held);
    // Who holds it without being known may give it back at any moment.
    return holders.size >= (held.holders() ?? Infinity) && Array.from(holders).every(isStuck);
  };
  for (let loose = true; loose;) {
    loose = false;
    for (const wait of knot) if (!isTied(wait)) loose = knot.delete(wait);
  }
  return knot;
}
