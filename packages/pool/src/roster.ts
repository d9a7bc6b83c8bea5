import { LONGEST_MS } from './clock.ts';
import {
  CLOSING,
  CREATING,
  GONE,
  IDLE,
  IDLE_STATE,
  KIND_NAMES,
  mayFollow,
  type Entry,
  type EntryKind,
  type EntryState,
} from './entry.ts';
import type { DestroyReason } from './observer.ts';
import type { Seat } from './shared-limit.ts';
import type { PoolStats } from './stats.ts';
import type { Timekeeper } from './timekeeper.ts';
import { Vigils } from './vigils.ts';

/** What there is: the resources and what each is doing, how many there may be, and whether the pool is open. */
export class Roster<R> implements Iterable<Entry<R>> {
  status: PoolStats['status'] = 'open';
  /** What is of an older generation is condemned. */
  generation = 1;
  /** Hooks that have not come back in time; what they were working on no longer counts as live. */
  abandoned = 0;
  /** What the pool has of a limit that it shares: each resource takes one place of that. Taken before the first is opened. */
  seat: Seat | undefined;
  readonly #time: Timekeeper;
  #size: number;
  #maxOverflow: number;
  #limit: number;
  readonly #entries = new Set<Entry<R>>();
  /** How many resources are of each kind, by the kind's number. */
  readonly #count = new Int32Array(KIND_NAMES.length);
  /** Last in, first out: what was used last is the least likely to need validation. */
  readonly #idle: Entry<R>[] = [];
  /** Those that are idle, the one that has lain longest first. */
  readonly idle: readonly Entry<R>[] = this.#idle;
  readonly #vigils = new Vigils<R>();

  constructor(time: Timekeeper, size: number, maxOverflow: number) {
    this.#time = time;
    this.#size = size;
    this.#maxOverflow = maxOverflow;
    this.#limit = size + maxOverflow;
  }

  // How many there may be

  /** How many are kept. */
  get size(): number {
    return this.#size;
  }

  /** How many more may exist while there is demand. */
  get maxOverflow(): number {
    return this.#maxOverflow;
  }

  /** How many may be live. */
  get limit(): number {
    return this.#limit;
  }

  setLimits(size: number, maxOverflow: number): void {
    this.#size = size;
    this.#maxOverflow = maxOverflow;
    this.#limit = size + maxOverflow;
  }

  /** Whether one more may be opened that nobody waits for. */
  get hasRoom(): boolean {
    return this.live < this.#limit && (this.seat === undefined || this.seat.room > 0);
  }

  // How many there are

  get live(): number {
    return this.#entries.size;
  }

  /** How many resources are live and not on their way out. */
  get staying(): number {
    return this.live - this.counted(CLOSING);
  }

  counted(kind: EntryKind): number {
    return this.#count[kind] as number;
  }

  /** All that are live, in the order in which they were asked for. */
  [Symbol.iterator](): SetIterator<Entry<R>> {
    return this.#entries.values();
  }

  get isOpen(): boolean {
    return this.status === 'open';
  }

  get isClosing(): boolean {
    return this.status === 'closing' || this.status === 'closed';
  }

  // What they are doing

  /** One is being opened. */
  add(entry: Entry<R>): void {
    this.#entries.add(entry);
    this.seat?.take();
    this.#count[CREATING] = this.counted(CREATING) + 1;
  }

  /** The only place where a resource changes what it is doing. */
  move(entry: Entry<R>, next: EntryState<R>): void {
    const from = entry.kind;
    const to = next.kind;
    if (!mayFollow(from, to)) throw impossible(entry, to);
    entry.since = this.#time.now;
    // Handed on: only the holder is another.
    if (next === entry.state) return;
    const count = this.#count;
    count[from] = (count[from] as number) - 1;
    count[to] = (count[to] as number) + 1;
    entry.kind = to;
    entry.state = next;
    if (from === CREATING || to === GONE) this.#cameOrWent(entry);
  }

  /** A creation has ended, or a resource is gone: nobody keeps a vigil for anything else. */
  #cameOrWent(entry: Entry<R>): void {
    if (entry.state.kind === GONE) {
      this.#entries.delete(entry);
      this.seat?.giveUp();
    }
    this.#vigils.moved(entry);
  }

  /** Lays one on top of the idle ones. */
  lay(entry: Entry<R>): void {
    this.move(entry, IDLE_STATE);
    this.#idle.push(entry);
  }

  /** Takes the topmost of the idle ones, which must go on to something else. */
  takeUp(): Entry<R> | undefined {
    return this.#idle.pop();
  }

  /** Takes those that have lain longest, all where nothing else is said. They must go on to something else. */
  takeLongestIdle(most: number = this.#idle.length): readonly Entry<R>[] {
    return this.#idle.splice(0, most);
  }

  /** Takes this one out of the middle. It must go on to something else. */
  pickIdle(entry: Entry<R>): void {
    this.#idle.splice(this.#idle.indexOf(entry), 1);
  }

  // Which are good

  /** The usual answer of `unfit`, for less. */
  isFit(entry: Entry<R>): boolean {
    return (
      entry.generation === this.generation &&
      this.#time.now < entry.expiresAt &&
      this.#entries.size <= this.#limit &&
      this.status !== 'closing'
    );
  }

  /** Why a resource must not be handed out any more. */
  unfit(entry: Entry<R>): DestroyReason | undefined {
    if (this.status === 'closing') return 'closed';
    if (entry.generation !== this.generation) return 'condemned';
    if (this.#time.now >= entry.expiresAt) return 'lifetime';
    if (this.live > this.#limit && this.staying > this.#limit) return 'overflow';
    return undefined;
  }

  // Waiting for them

  /** Resolves when none of the entries is live any more. */
  async untilGone(entries: Iterable<Entry<R>>): Promise<void> {
    await this.until(entries, (entry) => entry.state.kind !== GONE);
  }

  /** Resolves when `pending` holds for none of the entries any more. A caller waits for it, so the process stays. */
  async until(entries: Iterable<Entry<R>>, pending: (entry: Entry<R>) => boolean): Promise<void> {
    const stay = this.#time.clock.after(LONGEST_MS, () => {});
    await this.#vigils.until(entries, pending);
    stay.cancel();
  }

  /** Resolves when the creation of this one has ended. Nobody waits for it: the process may end before. */
  untilOpened(entry: Entry<R>): Promise<void> {
    return this.#vigils.until([entry], ({ state }) => state.kind === CREATING);
  }

  /** What is wrong, when a rule that must always hold does not. */
  findFault(): string | undefined {
    const found = KIND_NAMES.map(() => 0);
    for (const { state } of this) found[state.kind] = (found[state.kind] ?? 0) + 1;
    for (const [kind, name] of KIND_NAMES.entries())
      if (kind !== GONE && found[kind] !== this.#count[kind])
        return `${found[kind]} are ${name}, ${this.#count[kind]} counted`;
    if (Array.from(this).some(({ kind, state }) => kind !== state.kind))
      return 'a resource is of another kind than its state';
    if (found[GONE] !== 0) return 'a resource that is gone is still live';
    if (this.#idle.length !== found[IDLE] || new Set(this.#idle).size !== found[IDLE])
      return 'the idle stack does not hold each idle resource once';
    if (this.#idle.some(({ state }) => state.kind !== IDLE)) return 'the idle stack holds what is not idle';
    if (this.abandoned < 0) return 'more came back than were abandoned';
    return undefined;
  }
}

function impossible({ id, state }: Entry<unknown>, to: EntryKind): Error {
  return new Error(`BUG: resource ${id} went from ${KIND_NAMES[state.kind]} to ${KIND_NAMES[to]}`);
}
