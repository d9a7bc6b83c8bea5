import { DatabaseError, type Culprit } from '../errors.ts';
import type { Job } from './job.ts';
import type { Running } from './running.ts';

/** What callers of a crew are told who get nothing from it: why, what is in the way, and what to do. */
export class Refusals {
  readonly #isolation: 'thread' | 'process';
  readonly #running: () => readonly Running[];

  /** @param running what is being read at this moment. */
  constructor(isolation: 'thread' | 'process', running: () => readonly Running[]) {
    this.#isolation = isolation;
    this.#running = running;
  }

  closed(job: Job): DatabaseError {
    return new DatabaseError('POOL_CLOSED', 'the service has been closed', placeOf(job));
  }

  /** No connection from before an error may stay open. */
  connectionTaken(job: Job): DatabaseError {
    const what = 'its connection was closed before the statement had ended: the file is verified after an error';
    return new DatabaseError('CONNECTION_LOST', what, { ...placeOf(job), advice: 'read again' });
  }

  /** Nobody can read it. */
  allStuck(job: Job): DatabaseError {
    return this.#overloaded(job, `all that read are stuck: ${this.#inTheWay()}`);
  }

  /** There is no more room to wait in. */
  tooMany(job: Job, waiting: number): DatabaseError {
    return this.#overloaded(job, `${waiting} reads wait already; ${this.#inTheWay()}`);
  }

  #overloaded(job: Job, what: string): DatabaseError {
    return new DatabaseError('OVERLOADED', what, {
      ...placeOf(job),
      culprits: this.#culprits(),
      advice: [
        'hive-db ps shows what is being read, and for how long',
        'give long statements an index or a limit, or isolation process, which ends them at their deadline',
        'ask for less at once; more offloadWorkers help only where there are more processors',
      ],
    });
  }

  /** His time is up. */
  late(job: Job, begun: boolean): DatabaseError {
    const { timeoutMs } = job.order;
    if (begun) {
      const what = `the statement was still running after ${timeoutMs} ms; ${this.#fate()}`;
      const advice = 'give it a longer timeoutMs, an index or a limit';
      return new DatabaseError('ABORTED', what, { ...placeOf(job), advice });
    }
    return new DatabaseError('POOL_TIMEOUT', `nobody was free to read within ${timeoutMs} ms: ${this.#inTheWay()}`, {
      ...placeOf(job),
      culprits: this.#culprits(),
      advice: ['hive-db ps shows what is being read, and for how long', 'give the call a longer timeoutMs'],
    });
  }

  /** His signal has fired. */
  aborted(job: Job, begun: boolean): DatabaseError {
    const cause: unknown = job.order.signal?.reason;
    const what = begun ? `the caller ended the wait; ${this.#fate()}` : 'the caller ended the wait';
    return new DatabaseError('ABORTED', what, { ...placeOf(job), cause });
  }

  /** What becomes of a statement that nobody waits for. */
  #fate(): string {
    return this.#isolation === 'process'
      ? 'its process has been killed'
      : 'its thread is lost until the statement ends';
  }

  #inTheWay(): string {
    const parts = this.#running().map(
      ({ order: { database, label, statement }, runningMs }) =>
        `"${label}" on ${database.name} for ${Math.round(runningMs)} ms (${statement})`,
    );
    return parts.length === 0 ? 'nothing is being read, and who is to read was still being started' : parts.join(', ');
  }

  #culprits(): readonly Culprit[] {
    return this.#running().map(({ order: { label }, runningMs, pid = process.pid }) => ({
      pid,
      label,
      heldMs: runningMs,
    }));
  }
}

function placeOf({ order: { database, label } }: Job): { readonly database: string; readonly label: string } {
  return { database: database.name, label };
}
