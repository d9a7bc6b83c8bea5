/**
 * Statements on one borrowed connection, one after another, however its users await them: a driver is asked for one thing at a time.
 */
export class StatementQueue {
  #length = 0;
  #last: Promise<unknown> | undefined;
  /** The connection was lost: it must not go to anybody else. */
  broken = false;
  #failed = false;

  /** Whether a statement is running or waits to. */
  get busy(): boolean {
    return this.#length > 0;
  }

  /** Whether one of them has failed: known before the next one is run, and before anybody is told. */
  get failed(): boolean {
    return this.#failed;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const ended = Promise.withResolvers<undefined>();
    this.#last = ended.promise;
    if (this.#length++ > 0) await before;
    try {
      return await work();
    } catch (error) {
      this.#failed = true;
      throw error;
    } finally {
      this.#length--;
      ended.resolve(undefined);
    }
  }
}
