/**
 * A numbered resource that notices when two use it at once, and when it is used or ended after its end. It does not throw: a pool
 * swallows what a hook throws. What is wrong ends up in the workshop's book.
 */
export class Resource {
  readonly id: number;
  readonly #faults: string[];
  #user: string | undefined;
  #ends = 0;

  constructor(id: number, faults: string[]) {
    this.id = id;
    this.#faults = faults;
  }

  get ended(): boolean {
    return this.#ends > 0;
  }

  /** Somebody begins to use it. */
  enter(user: string): void {
    if (this.ended) this.#faults.push(`${user} uses resource ${this.id} after its end`);
    if (this.#user !== undefined) this.#faults.push(`${user} uses resource ${this.id} while ${this.#user} does`);
    this.#user = user;
  }

  /** The user of `enter` is done. */
  leave(user: string): void {
    if (this.#user !== user) this.#faults.push(`${user} leaves resource ${this.id}, which ${String(this.#user)} uses`);
    this.#user = undefined;
  }

  end(): void {
    this.#ends++;
    if (this.#ends > 1) this.#faults.push(`resource ${this.id} is ended ${this.#ends} times`);
  }
}

/** Makes resources 1, 2, 3 and keeps book of everything that is wrong with how they are treated. */
export class Workshop {
  readonly made: Resource[] = [];
  readonly faults: string[] = [];

  make(): Resource {
    const resource = new Resource(this.made.length + 1, this.faults);
    this.made.push(resource);
    return resource;
  }

  /** Numbers of those that were made and not ended. */
  get alive(): readonly number[] {
    return this.made.filter(({ ended }) => !ended).map(({ id }) => id);
  }
}
