import type { Holdable, Holding } from './holding.ts';
import type { NestedWait } from './nested-wait.ts';

/** What several wait for in the same way. It is asked for once: there may be thousands of them. */
interface Demand {
  readonly of: Hands;
  readonly waits: NestedWait[];
  /** As `Holdable.holders` and `Holdable.inWayOf` say. */
  readonly needed: number | undefined;
  readonly inWay: readonly number[] | undefined;
  /** How many of those in the way are not in the hands of functions that are stuck. */
  goOn: number;
}

/** Something that is waited for, and how much of it is in the hands of functions that are stuck. */
interface Hands {
  readonly held: Holdable;
  /** By part, which are the functions themselves, or the databases with which they have it: how many that are stuck have it. */
  readonly stuckParts: Map<unknown, number>;
  /** The same by the numbers of the leases. */
  readonly stuckLeases: Map<number, number>;
  readonly demands: Map<string, Demand>;
  /** What `Holdable.holders` has said, by database. */
  readonly needed: Map<string, number | undefined>;
  /** Those in whose way a lease is. */
  readonly behind: Map<number, Demand[]>;
}

/**
 * Those of some waits that can never end: what each waits for is in the hands of functions that themselves wait for one of them, or it is for
 * such a function that it was made. Who holds what is asked of `holdersOf`, once, when it is made; the waits that are given count as waited for.
 * Making it costs a few steps for each of them and for each who holds what they wait for; a question, as many as would be loosened.
 */
export class Knot {
  readonly #waits: Set<NestedWait>;
  /** How many waits of each function are in it. Who has none is not stuck, nor who is spared for the moment. */
  readonly #stuck = new Map<Holding, number>();
  readonly #hands = new Map<Holdable, Hands>();
  /** What each function has of that. */
  readonly #inHand = new Map<Holding, Hands[]>();
  /** The waits that were made for a function. */
  readonly #for = new Map<Holding, NestedWait[]>();
  /** Of each function that was asked about. What comes loose without it still does when more is loosened, and so may others then. */
  readonly #tried = new Map<Holding, { readonly loose: ReadonlySet<NestedWait>; readonly after: number }>();
  #loosened = 0;
  readonly #holdersOf: (held: Holdable) => readonly Holding[];
  /** How what is tried is undone, the last first; undefined while nothing is only tried. */
  #undo: (() => void)[] | undefined;
  /** What came loose meanwhile. */
  #loose: Set<NestedWait> | undefined;

  constructor(waits: Iterable<NestedWait>, holdersOf: (held: Holdable) => readonly Holding[]) {
    this.#waits = new Set(waits);
    this.#holdersOf = holdersOf;
    for (const { holding } of this.#waits) this.#stuck.set(holding, (this.#stuck.get(holding) ?? 0) + 1);
    for (const wait of this.#waits) {
      const { serves } = wait;
      if (serves === undefined) this.#demandOf(wait).waits.push(wait);
      else listIn(this.#for, serves).push(wait);
    }
    const loose = Array.from(this.#for).flatMap(([holding, made]) => (this.#stuck.has(holding) ? [] : made));
    for (const { demands } of this.#hands.values())
      for (const demand of demands.values()) if (!isTied(demand)) for (const wait of demand.waits) loose.push(wait);
    this.#loosen(loose);
  }

  get waits(): ReadonlySet<NestedWait> {
    return this.#waits;
  }

  /** One of them waits no more, nor does who waited only because of it. */
  loosen(wait: NestedWait): void {
    this.#loosened++;
    this.#loosen([wait]);
  }

  /**
   * Whether one can never end because of its own caller, among others. Who waits behind others that wait for each other is stuck like them, and
   * gets what he waits for when one of those is failed: to fail him would help nobody.
   */
  isTiedByItself(wait: NestedWait): boolean {
    if (!this.#waits.has(wait)) return false;
    const { holding } = wait;
    const tried = this.#tried.get(holding);
    if (tried !== undefined && (tried.after === this.#loosened || tried.loose.has(wait))) return tried.loose.has(wait);
    const all = this.looseWithout(holding);
    const loose = new Set(Array.from(holding.waits).filter((one) => all.has(one)));
    this.#tried.set(holding, { loose, after: this.#loosened });
    return loose.has(wait);
  }

  /** Those that would come loose if a function waited for nothing. */
  looseWithout(holding: Holding): ReadonlySet<NestedWait> {
    const loose = new Set<NestedWait>();
    const undo: (() => void)[] = [];
    this.#undo = undo;
    this.#loose = loose;
    const count = this.#stuck.get(holding) ?? 0;
    this.#stuck.delete(holding);
    undo.push(() => this.#stuck.set(holding, count));
    this.#loosen(this.#freedBy(holding));
    this.#undo = undefined;
    this.#loose = undefined;
    for (const one of undo.toReversed()) one();
    return loose;
  }

  /** One after the other, and then whom that has loosened: chains may be thousands long. */
  #loosen(loose: NestedWait[]): void {
    for (let wait = loose.pop(); wait !== undefined; wait = loose.pop()) {
      if (!this.#waits.delete(wait)) continue;
      const one = wait;
      const { holding } = one;
      this.#undo?.push(() => this.#waits.add(one));
      this.#loose?.add(one);
      const count = this.#stuck.get(holding);
      // He is spared for the moment.
      if (count === undefined) continue;
      this.#undo?.push(() => this.#stuck.set(holding, count));
      if (count > 1) this.#stuck.set(holding, count - 1);
      else {
        this.#stuck.delete(holding);
        for (const freed of this.#freedBy(holding)) loose.push(freed);
      }
    }
  }

  /** A function goes on: returns the waits that nothing keeps any more. */
  #freedBy(holding: Holding): NestedWait[] {
    const freed = [...(this.#for.get(holding) ?? [])];
    for (const hands of this.#inHand.get(holding) ?? []) {
      const { held, stuckParts, stuckLeases, demands, behind } = hands;
      const { id } = holding.lease;
      const changed = new Set<Demand>();
      if (this.#less(stuckLeases, id))
        for (const demand of behind.get(id) ?? []) {
          if (demand.goOn++ === 0) changed.add(demand);
          this.#undo?.push(() => demand.goOn--);
        }
      const wereStuck = stuckParts.size;
      if (this.#less(stuckParts, partOf(held, holding)))
        for (const demand of demands.values()) if (demand.needed === wereStuck) changed.add(demand);
      for (const demand of changed) if (!isTied(demand)) for (const wait of demand.waits) freed.push(wait);
    }
    return freed;
  }

  /** Takes one away; returns whether it was the last. */
  #less<K>(counts: Map<K, number>, key: K): boolean {
    const count = counts.get(key) ?? 0;
    this.#undo?.push(() => counts.set(key, count));
    return count > 1 ? (counts.set(key, count - 1), false) : counts.delete(key);
  }

  #demandOf({ held, database, budget }: NestedWait): Demand {
    const of = this.#hands.get(held) ?? this.#newHands(held);
    const key = JSON.stringify([database, budget]);
    const known = of.demands.get(key);
    if (known !== undefined) return known;
    const inWay = held.inWayOf?.(budget);
    const goOn = inWay?.filter((id) => !of.stuckLeases.has(id)).length ?? 0;
    if (!of.needed.has(database)) of.needed.set(database, held.holders(database));
    const demand = { of, waits: [], needed: of.needed.get(database), inWay, goOn };
    of.demands.set(key, demand);
    for (const id of inWay ?? []) listIn(of.behind, id).push(demand);
    return demand;
  }

  #newHands(held: Holdable): Hands {
    const hands: Hands = {
      held,
      stuckParts: new Map(),
      stuckLeases: new Map(),
      demands: new Map(),
      needed: new Map(),
      behind: new Map(),
    };
    this.#hands.set(held, hands);
    for (const holding of this.#holdersOf(held)) {
      if (!this.#stuck.has(holding)) continue;
      more(hands.stuckParts, partOf(held, holding));
      more(hands.stuckLeases, holding.lease.id);
      listIn(this.#inHand, holding).push(hands);
    }
    return hands;
  }
}

function isTied({ of, needed, inWay, goOn }: Demand): boolean {
  // Who holds it without being known may give it back at any moment.
  return of.stuckParts.size >= (needed ?? Infinity) || (inWay !== undefined && goOn === 0);
}

/** Who has a lease has a part of it; with a database all have one together. */
function partOf(held: Holdable, holding: Holding): unknown {
  return held.isHadWith === undefined ? holding : holding.database;
}

function more<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function listIn<K, V>(lists: Map<K, V[]>, key: K): V[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
