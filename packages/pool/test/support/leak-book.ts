import type { LeaseInfo, PoolObserver, PoolStats } from '@hive/pool';
import type { VirtualClock } from '@hive/pool/testing';
import type { Resource } from './workshop.ts';

/** An untimed lease is dated by the last reading of the clock: a round of housekeeping and a stall before, at most. */
const DATED_BEFORE_MS = 1_100;
/** A use is noticed in the next round, and its absence in the one after the threshold. */
const NOTICED_MS = 2 * DATED_BEFORE_MS;

/** A lease as its holder knows it. */
export interface KnownLease {
  readonly id: number;
  readonly since: number;
  readonly resource: Resource;
}

/** How a resource has been used. */
interface Use {
  times: number;
  lastAt: number;
  running: boolean;
}

interface LeakBookOptions {
  readonly clock: VirtualClock;
  readonly thresholdMs: number;
  /** Whether the pool is told of uses. */
  readonly tellsUse: boolean;
  readonly held: () => readonly KnownLease[];
  /** Told which rule is broken. */
  readonly broken: (rule: string) => void;
}

/** The book of a run about suspected leaks, kept by what holders do and observers hear. */
export class LeakBook {
  readonly observer: PoolObserver = {
    suspected: (lease) => {
      this.#suspected(lease);
    },
    returnedLate: ({ id }) => {
      this.#returnedLate(id);
    },
  };
  readonly #options: LeakBookOptions;
  readonly #uses = new Map<Resource, Use>();
  /** By the number of a lease: at which doublings of the threshold it was told to be a suspect. */
  readonly #told = new Map<number, readonly number[]>();
  readonly #late = new Set<number>();

  constructor(options: LeakBookOptions) {
    this.#options = options;
  }

  /** What the pool asks. */
  uses(resource: Resource): number | undefined {
    const { times, running } = this.#useOf(resource);
    return running ? undefined : times;
  }

  /** A holder uses what he has: for a moment, or until he is done with that. */
  use({ resource }: KnownLease, how: 'shortly' | 'for a while'): void {
    const use = this.#useOf(resource);
    use.times++;
    use.lastAt = this.#options.clock.now();
    use.running = how === 'for a while' && !use.running;
  }

  /** A lease has ended, and with it the use of its resource. */
  ended({ id, resource }: KnownLease, how: 'given back' | 'revoked'): void {
    this.#useOf(resource).running = false;
    const isLate = how === 'given back' && this.#told.has(id);
    if (isLate !== this.#late.has(id))
      this.#broken(`of lease ${id}, ${how}, it was ${isLate ? 'not ' : ''}told as late`);
  }

  /** Whether a lease must look like a leak, and whether it may. */
  looks(lease: KnownLease): { readonly leaked: boolean; readonly used: boolean } {
    const { thresholdMs, tellsUse } = this.#options;
    const { lastAt } = this.#useOf(lease.resource);
    const idleMs = this.#idleMs(lease);
    const isExact = tellsUse && lastAt > lease.since;
    return {
      leaked: idleMs >= thresholdMs + (tellsUse ? NOTICED_MS : 0),
      used: idleMs < thresholdMs - (isExact ? 0 : DATED_BEFORE_MS),
    };
  }

  /** Time has passed, and the pool has kept house. */
  verifyTold(): void {
    const { clock, thresholdMs, held } = this.#options;
    for (const lease of held()) {
      const ageMs = clock.now() - lease.since;
      const doubling = doublingOf(ageMs - NOTICED_MS, thresholdMs);
      if (doubling < 0 || this.#idleMs(lease) < thresholdMs + NOTICED_MS) continue;
      const last = this.#told.get(lease.id)?.at(-1) ?? -1;
      if (last < doubling)
        this.#broken(`of lease ${lease.id}, ${ageMs} ms old, nothing was told since doubling ${last}`);
    }
  }

  verifyCounters({ counters }: PoolStats): void {
    const { suspected, returnedLate } = counters;
    if (suspected !== this.#told.size) this.#broken(`${this.#told.size} were suspected, ${suspected} counted`);
    if (returnedLate !== this.#late.size) this.#broken(`${this.#late.size} came back late, ${returnedLate} counted`);
  }

  #suspected({ id, ageMs, suspect }: LeaseInfo): void {
    const told = this.#told.get(id) ?? [];
    const doubling = doublingOf(ageMs, this.#options.thresholdMs);
    const lease = this.#options.held().find((one) => one.id === id);
    if (!suspect || doubling < 0) this.#broken(`lease ${id} was suspected at ${ageMs} ms`);
    if (lease !== undefined && this.looks(lease).used) this.#broken(`lease ${id} was suspected while it is used`);
    if (told.includes(doubling)) this.#broken(`lease ${id} was suspected twice at doubling ${doubling}`);
    this.#told.set(id, [...told, doubling]);
  }

  #returnedLate(id: number): void {
    if (!this.#told.has(id)) this.#broken(`lease ${id} came back late and was never suspected`);
    if (this.#late.has(id)) this.#broken(`lease ${id} came back late twice`);
    this.#late.add(id);
  }

  /** For how long a lease has not been used, as far as the pool can know. */
  #idleMs({ since, resource }: KnownLease): number {
    const now = this.#options.clock.now();
    const { running, lastAt } = this.#useOf(resource);
    if (!this.#options.tellsUse) return now - since;
    return running ? 0 : now - Math.max(since, lastAt);
  }

  #useOf(resource: Resource): Use {
    const use = this.#uses.get(resource) ?? { times: 0, lastAt: -Infinity, running: false };
    this.#uses.set(resource, use);
    return use;
  }

  #broken(rule: string): void {
    this.#options.broken(rule);
  }
}

/** How often an age has doubled since the threshold: 0 from it on, below 0 before. */
function doublingOf(ageMs: number, thresholdMs: number): number {
  return Math.floor(Math.log2(Math.max(0, ageMs) / thresholdMs));
}
