import type { Holdable, Holding } from './holding.ts';
import type { NestedWait } from './nested-wait.ts';

/**
 * Those of the waits that can never end: what each waits for is in the hands of functions that themselves wait for one of them, or it is for
 * such a function that it was made. Pure: who holds what is asked of `holdersOf`. The waits that are given count as waited for.
 */
export function knotOf(
  waits: Iterable<NestedWait>,
  holdersOf: (held: Holdable) => readonly Holding[],
): ReadonlySet<NestedWait> {
  const knot = new Set(waits);
  const isStuck = ({ waits: own }: Holding): boolean => own.values().some((wait) => knot.has(wait));
  const isTied = (wait: NestedWait): boolean =>
    wait.serves === undefined ? areAll(wait, holdersOf(wait.held).filter(isStuck)) : isStuck(wait.serves);
  for (let loose = true; loose;) {
    loose = false;
    for (const wait of knot) if (!isTied(wait)) loose = knot.delete(wait);
  }
  return knot;
}

/** Whether each of those who have what this waits for has called something in turn: where not, it is in no knot. Pure. */
export function canBeTied(wait: NestedWait, holders: readonly Holding[]): boolean {
  return areAll(
    wait,
    holders.filter(({ waits }) => waits.size > 0),
  );
}

/** Whether these are all who have what it waits for. */
function areAll({ held, database }: NestedWait, holders: readonly Holding[]): boolean {
  const parts = held.isHadWith === undefined ? holders.length : new Set(holders.map((one) => one.database)).size;
  // Who holds it without being known may give it back at any moment.
  return parts >= (held.holders(database) ?? Infinity);
}
