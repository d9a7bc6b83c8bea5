import type { Holding } from './holding.ts';

/** What a session without a function tells of itself. */
export interface KeptSessionHost {
  enter(session: KeptSession): void;
  has(holding: Holding, lease: Holding['lease']): void;
  over(holding: Holding | undefined): void;
}

/** The lease of a session, not kept from the garbage collector, which is to find what was dropped. */
type WeakLease = WeakRef<Holding['lease']>;

/** So many sessions around one are known to be its caller's. Who opens thousands side by side does not keep them all himself. */
const MOST_AROUND = 100;

/** A session that was opened without a function, as those see it who come from where it was opened. */
export class KeptSession {
  readonly #host: KeptSessionHost;
  #outer: KeptSession | undefined;
  #holding: Holding | undefined;
  #isOver = false;

  constructor(outer: KeptSession | undefined, host: KeptSessionHost) {
    this.#host = host;
    const open = outer?.open;
    this.#outer = open !== undefined && open.#isDeep() ? undefined : open;
  }

  /** Contexts live long: what is over must not hang on what is not, so each is asked for its next one. */
  #isDeep(): boolean {
    let around = 0;
    for (let one = this.outer; one !== undefined && around < MOST_AROUND; one = one.outer) around++;
    return around >= MOST_AROUND;
  }

  /** Undefined before it has its connection, and when it is over. */
  get holding(): Holding | undefined {
    return this.#holding;
  }

  /** The innermost that is not over: this one, or one around it. */
  get open(): KeptSession | undefined {
    // Step by step: there may be thousands that are over.
    // oxlint-disable-next-line unicorn/no-this-assignment, typescript/no-this-alias -- it is where the way begins
    let one: KeptSession | undefined = this;
    while (one !== undefined && one.#isOver) one = one.#outer;
    return one;
  }

  /** The next one around it that is not over. */
  get outer(): KeptSession | undefined {
    this.#outer = this.#outer?.open;
    return this.#outer;
  }

  /** What is called from here on, by who has called last, may be called by who has it. */
  enter(): void {
    this.#host.enter(this);
  }

  /** It has its connection. */
  has({ held, lease, database, label }: Pick<Holding, 'held' | 'lease' | 'database' | 'label'>): void {
    const { id } = lease;
    const known: WeakLease = new WeakRef(lease);
    const weakly = {
      id,
      get active() {
        return known.deref()?.active === true;
      },
    };
    this.#holding = { held, lease: weakly, database, label, runner: undefined, waits: new Set() };
    this.#host.has(this.#holding, lease);
  }

  /** It is closed, was taken away or dropped, or could not be opened. A second call does nothing. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#host.over(this.#holding);
    this.#holding = undefined;
  }
}
