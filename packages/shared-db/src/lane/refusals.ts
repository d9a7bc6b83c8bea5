import { PoolError } from '@hive/pool';
import type { LaneHost } from './lane-host.ts';
import type { MemberQueue } from './member-queue.ts';
import type { Member } from './member.ts';

/** How many of a long queue an error names. */
const NAMED_AHEAD = 10;

/** What callers of a lane are told who do not write: why, and who is in the way. */
export class Refusals {
  readonly #host: Pick<LaneHost, 'name' | 'writers' | 'clock'>;
  readonly #queue: MemberQueue;

  constructor(host: Pick<LaneHost, 'name' | 'writers' | 'clock'>, queue: MemberQueue) {
    this.#host = host;
    this.#queue = queue;
  }

  closed(): PoolError {
    return new PoolError('POOL_CLOSED', this.#title('the service was closed meanwhile'));
  }

  abortedBefore({ reason }: AbortSignal): PoolError {
    return new PoolError('ABORTED', this.#title('the caller had aborted before it asked'), { cause: reason });
  }

  aborted(member: Member): PoolError {
    const details = { ...this.#inTheWay(member), cause: member.call.options.signal?.reason };
    return new PoolError('ABORTED', this.#title('the caller aborted its wait'), details);
  }

  /** There is no more room to wait in. */
  overloaded(): PoolError {
    return this.#overloaded(`${this.#queue.length} writes wait already`);
  }

  /** Those that wait already are likely to take longer than the caller may. */
  tooSlow(expectedMs: number, allowedMs: number): PoolError {
    const { length } = this.#queue;
    return this.#overloaded(
      `${length} writes wait already, for about ${Math.round(expectedMs)} ms of ${Math.round(allowedMs)} ms`,
    );
  }

  #overloaded(what: string): PoolError {
    return new PoolError('OVERLOADED', this.#title(what), this.#inTheWay());
  }

  late(member: Member, now: number): PoolError {
    const late = `no turn to write came within ${Math.round(now - member.call.at)} ms`;
    const isSuspended = this.#host.writers.stats().status === 'suspended';
    const code = isSuspended ? 'POOL_SUSPENDED' : 'POOL_TIMEOUT';
    const what = isSuspended ? `the pool is suspended and ${late}` : late;
    return new PoolError(code, this.#title(what), this.#inTheWay(member));
  }

  #inTheWay(member?: Member): ConstructorParameters<typeof PoolError>[2] {
    const now = this.#host.clock.now();
    const ahead = [];
    for (const one of this.#queue) {
      if (one === member || ahead.length >= NAMED_AHEAD) break;
      ahead.push({ owner: one.call.label.text, waitMs: now - one.call.at });
    }
    return { holders: this.#host.writers.leases(), waiting: this.#queue.length, ahead };
  }

  #title(what: string): string {
    return `lane ${JSON.stringify(this.#host.name)}: ${what}`;
  }
}
