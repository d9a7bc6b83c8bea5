import type { Entry } from './entry.ts';
import type { Tuning } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/** More owners than this are not remembered as suspects: whoever builds them from data would fill the memory. */
const MOST_OWNERS = 1_000;

/** What the watch has seen of one resource. */
interface Sighting {
  /** How often it had been used when somebody last looked; undefined while it was in use; unknown where nobody can tell. */
  uses: number | 'unknown' | undefined;
  /** When it was last seen to have been used meanwhile. */
  usedAt: number;
  /** Number of the last lease on it that was suspected; 0 before there is one. */
  lease: number;
  /** The age at which that is said once more. */
  againMs: number;
}

/**
 * Decides which leases look like leaks: those that their holders have not used for `leakThresholdMs`, their own or the pool's. How long a holder
 * wanted it is no excuse for not using it: only where nobody can tell whether he does is it taken for the time that he is at work. It looks
 * when it is asked, which the pool does once a second: borrowing and giving back know nothing of it.
 */
export class LeakWatch<R> {
  #thresholdMs: number;
  readonly #uses: PoolSettings<R>['uses'];
  #captureEvery: number;
  #captureApartMs: number;
  readonly #sightings = new WeakMap<Entry<R>, Sighting>();
  readonly #owners = new Set<string>();
  #captures: boolean;
  /** How many more are asked about until one is captured. */
  #untilCaptured: number;
  /** From then on the next one that is timed is captured. */
  #captureAt: number;

  constructor({ leakThresholdMs, uses, captureEvery, captureApartMs }: PoolSettings<R>) {
    this.#thresholdMs = leakThresholdMs;
    this.#uses = uses;
    this.#captureEvery = captureEvery;
    this.#captureApartMs = captureApartMs;
    this.#untilCaptured = captureEvery;
    this.#captureAt = captureApartMs > 0 ? -Infinity : Infinity;
    this.#captures = captureEvery > 0;
  }

  /** Takes other limits; what is not named stays. */
  retune({
    leakThresholdMs = this.#thresholdMs,
    captureEvery = this.#captureEvery,
    captureApartMs = this.#captureApartMs,
  }: Tuning): void {
    this.#thresholdMs = leakThresholdMs;
    if (captureEvery !== this.#captureEvery) this.#untilCaptured = captureEvery;
    if (captureApartMs !== this.#captureApartMs) this.#captureAt = captureApartMs > 0 ? -Infinity : Infinity;
    this.#captureEvery = captureEvery;
    this.#captureApartMs = captureApartMs;
    this.#captures = captureEvery > 0 || this.#owners.size > 0;
  }

  /** Whether it may be worth asking `isCaptured` of each lease: false spares all of them the question that are not timed. */
  get captures(): boolean {
    return this.#captures;
  }

  /**
   * Whether to remember where this owner acquires, at `now` where the lease is timed: one lease in so many, one whenever none was captured
   * for so long, and each of an owner that was suspected once.
   */
  isCaptured(owner: string | undefined, now: number | undefined): boolean {
    const isNext = this.#captureEvery > 0 && --this.#untilCaptured === 0;
    const isDue = now !== undefined && now >= this.#captureAt;
    if (isDue) this.#captureAt = now + this.#captureApartMs;
    if (isNext || isDue) {
      this.#untilCaptured = this.#captureEvery;
      return true;
    }
    // The size first: to look a text up costs a lease a tenth, and most of the time nobody is suspected.
    return owner !== undefined && this.#owners.size > 0 && this.#owners.has(owner);
  }

  /** From now on each lease of this owner is captured. */
  mark(owner: string | undefined): void {
    if (owner === undefined || this.#owners.size >= MOST_OWNERS) return;
    this.#owners.add(owner);
    this.#captures = true;
  }

  /** Takes note of how often a resource has been used by now: what is not looked at while it is idle looks used to its next holder. */
  look(entry: Entry<R>, now: number): Sighting {
    const uses = this.#usesOf(entry);
    let sighting = this.#sightings.get(entry);
    if (sighting === undefined) {
      // When that was is not known: it is given the benefit of the doubt.
      sighting = { uses, usedAt: uses === 0 || uses === 'unknown' ? -Infinity : now, lease: 0, againMs: 0 };
      this.#sightings.set(entry, sighting);
    } else if (uses === undefined || uses !== sighting.uses) {
      sighting.uses = uses;
      sighting.usedAt = now;
    }
    return sighting;
  }

  /** For how long its holder has not used it; without a hook that tells, for how long he has had it. */
  idleMs(entry: Entry<R>, now: number): number {
    return now - Math.max(entry.since, this.look(entry, now).usedAt);
  }

  /** Whether a lease looks like a leak at this moment. */
  isSuspect(entry: Entry<R>, now: number): boolean {
    // Asked first, and in any case: a use that is not noticed now would look like one of later.
    const idleMs = this.idleMs(entry, now);
    return idleMs >= this.#thresholdOf(entry);
  }

  /**
   * Whether a lease is to be reported now, and for the first time: when it is first found suspect, and again when its age has doubled
   * and it still is.
   */
  due(entry: Entry<R>, now: number): 'first' | 'again' | undefined {
    if (!this.isSuspect(entry, now)) return undefined;
    const sighting = this.look(entry, now);
    const ageMs = now - entry.since;
    const isFirst = sighting.lease !== entry.hold.id;
    if (!isFirst && ageMs < sighting.againMs) return undefined;
    // Not none at all: it is doubled.
    if (isFirst) sighting.againMs = Math.max(1, this.#thresholdOf(entry));
    while (sighting.againMs <= ageMs) sighting.againMs *= 2;
    sighting.lease = entry.hold.id;
    return isFirst ? 'first' : 'again';
  }

  /** Whether the lease that has the resource, or had it last, was ever reported. */
  wasReported(entry: Entry<R>): boolean {
    return this.#sightings.get(entry)?.lease === entry.hold.id;
  }

  /** After how long without a use the lease that has it is suspected. */
  #thresholdOf(entry: Entry<R>): number {
    const { trace, allowedMs = 0 } = entry.hold;
    if (trace?.leakThresholdMs !== undefined) return trace.leakThresholdMs;
    const isKnown = this.#sightings.get(entry)?.uses !== 'unknown';
    return isKnown ? this.#thresholdMs : Math.max(this.#thresholdMs, allowedMs);
  }

  #usesOf(entry: Entry<R>): Sighting['uses'] {
    if (this.#uses === undefined) return 'unknown';
    try {
      return this.#uses(entry.resource as R);
    } catch {
      return 'unknown';
    }
  }
}
