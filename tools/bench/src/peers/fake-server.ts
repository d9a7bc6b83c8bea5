/** Something that is pooled. This one trusts everybody; what it costs to use it is nothing. */
export class Connection {
  /** Somebody starts to use it. */
  enter(): void {}

  /** The same one has finished. */
  leave(): void {}
}

/** A connection that notices when two use it at once, or one when it is closed. */
class GuardedConnection extends Connection {
  readonly #report: (fault: string) => void;
  #occupied = false;
  #closed = false;

  constructor(report: (fault: string) => void) {
    super();
    this.#report = report;
  }

  override enter(): void {
    if (this.#occupied) this.#report('gave one connection to two holders at once');
    if (this.#closed) this.#report('gave out a connection that was closed');
    this.#occupied = true;
  }

  override leave(): void {
    if (!this.#occupied) this.#report('let somebody else end a use');
    this.#occupied = false;
  }

  close(): void {
    if (this.#occupied) this.#report('closed a connection that was in use');
    this.#closed = true;
  }
}

export interface FakeServerOptions {
  /** How long a connect takes. */
  readonly connectMs: number;
  /** How many connections the pool may have. */
  readonly limit: number;
  /** Whether connections watch over their use: for the correctness pass, which is not timed. */
  readonly guarded: boolean;
}

/** What pools connect to in a bench: it counts, and in the correctness pass it watches. */
export class FakeServer {
  readonly #options: FakeServerOptions;
  #live = 0;
  #attempts = 0;
  #fault: string | undefined;

  constructor(options: FakeServerOptions) {
    this.#options = options;
  }

  /** How many connects have been started. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The first promise that was broken. */
  get fault(): string | undefined {
    return this.#fault;
  }

  async connect(): Promise<Connection> {
    const { connectMs, limit, guarded } = this.#options;
    this.#attempts++;
    this.#live++;
    if (this.#live > limit) this.#report(`had ${this.#live} connections, its limit is ${limit}`);
    if (connectMs > 0)
      await new Promise((resolve) => {
        setTimeout(resolve, connectMs);
      });
    return guarded
      ? new GuardedConnection((fault) => {
          this.#report(fault);
        })
      : new Connection();
  }

  disconnect(connection: Connection): void {
    this.#live--;
    if (connection instanceof GuardedConnection) connection.close();
  }

  #report(fault: string): void {
    this.#fault ??= fault;
  }
}
