import type { BusDatabase } from '@hive/hive-bus';

type Fault = 'before' | 'after';

/** A real database whose writes fail when a test says so: before they begin, or after they were committed. */
export class FaultyDatabase implements BusDatabase {
  readonly name: string;
  readonly #database: BusDatabase;
  readonly #faults: Fault[] = [];
  #dead = false;
  /** How many were asked for. */
  writes = 0;
  reads = 0;

  constructor(database: BusDatabase) {
    this.name = database.name;
    this.#database = database;
  }

  /** The next writes fail like this, one each. */
  fail(...faults: readonly Fault[]): void {
    this.#faults.push(...faults);
  }

  /** From now on nothing works, as in a process that was killed. */
  kill(): void {
    this.#dead = true;
  }

  read: BusDatabase['read'] = (...args) => {
    this.#assertAlive();
    this.reads++;
    return this.#database.read(...args);
  };

  readSync: BusDatabase['readSync'] = (...args) => {
    this.#assertAlive();
    return this.#database.readSync(...args);
  };

  write: BusDatabase['write'] = async (...args) => {
    this.#assertAlive();
    this.writes++;
    const fault = this.#faults.shift();
    if (fault === 'before') throw new Error('injected: nothing was written');
    const result = await this.#database.write(...args);
    if (fault === 'after') throw new Error('injected: it was written, and nobody heard of it');
    return result;
  };

  #assertAlive(): void {
    if (this.#dead) throw new Error('injected: the process is gone');
  }
}
