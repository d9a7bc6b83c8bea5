import type { Job, OffloadedDatabase } from './job.ts';

/** Jobs that wait, those of each database in their order, the databases by turns: who asks for much makes no other wait for it. */
export class JobQueue {
  readonly #byDatabase = new Map<OffloadedDatabase, Job[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(job: Job): void {
    this.#jobsOf(job.order.database).push(job);
    this.#size++;
  }

  /** Puts back what had been taken out, in their order, before what has come meanwhile. */
  putBack(jobs: readonly Job[]): void {
    for (const job of jobs.toReversed()) this.#jobsOf(job.order.database).unshift(job);
    this.#size += jobs.length;
  }

  /** The next one; undefined where there is none. */
  shift(): Job | undefined {
    const [next] = this.#byDatabase;
    if (next === undefined) return undefined;
    const [database, jobs] = next;
    const job = jobs.shift();
    this.#size--;
    // Whoever has been served goes behind the others.
    this.#byDatabase.delete(database);
    if (jobs.length > 0) this.#byDatabase.set(database, jobs);
    return job;
  }

  /** Takes one out. False where it is not in the queue. */
  remove(job: Job): boolean {
    const jobs = this.#byDatabase.get(job.order.database) ?? [];
    const index = jobs.indexOf(job);
    if (index < 0) return false;
    jobs.splice(index, 1);
    this.#size--;
    if (jobs.length === 0) this.#byDatabase.delete(job.order.database);
    return true;
  }

  /** Who has waited longest, of those that are the next of their database. */
  get oldest(): Job | undefined {
    const heads = Array.from(this.#byDatabase.values(), ([first]) => first).filter((job) => job !== undefined);
    return heads.toSorted((a, b) => a.order.at - b.order.at)[0];
  }

  #jobsOf(database: OffloadedDatabase): Job[] {
    const known = this.#byDatabase.get(database);
    if (known !== undefined) return known;
    const jobs: Job[] = [];
    this.#byDatabase.set(database, jobs);
    return jobs;
  }
}
