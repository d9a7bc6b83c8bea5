/** The connections that a database lends. */
export interface LentConnections {
  readonly database: string;
  /**
   * Those of whom one has to give back what he has before a call that counts in this budget can get one; undefined while somebody may get one.
   */
  inWayOf(budget: string | undefined): readonly KeptLease[] | undefined;
  /** Where a lease of one was asked for; undefined where that was not remembered. */
  askedAt(lease: number): string | undefined;
}

/** Who has one of them, and for how long he has not used it. */
export interface KeptLease {
  readonly id: number;
  readonly idleMs: number;
}

/** What a session has, and as what. */
export interface KeptConnection {
  readonly of: LentConnections;
  /** The number of its lease: the lease itself is for the garbage collector to find. */
  readonly lease: number;
  readonly label: string;
}

/** So many sessions around one are known to be its caller's. Who opens thousands side by side does not keep them all himself. */
const MOST_AROUND = 100;

/** A session that was opened without a function, as those see it who come from where it was opened. */
export class KeptSession {
  /** How many calls from there wait for a connection. */
  waits = 0;
  #outer: KeptSession | undefined;
  #connection: KeptConnection | undefined;
  #isOver = false;

  constructor(outer: KeptSession | undefined) {
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
  get connection(): KeptConnection | undefined {
    return this.#connection;
  }

  get isOver(): boolean {
    return this.#isOver;
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

  has(connection: KeptConnection): void {
    this.#connection = connection;
  }

  over(): void {
    this.#isOver = true;
    this.#connection = undefined;
  }
}
