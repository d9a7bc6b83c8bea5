import { deepEqual, equal } from 'node:assert/strict';
import { claimOn, type Claim, type Standing } from '../../src/tasks/claim.ts';
import type { Ending } from '../../src/tasks/queue.ts';
import { mayBecome, type TaskState } from '../../src/tasks/task-state.ts';
import type { QueueWorld } from './queue-world.ts';

const KINDS = ['echo'];
const LEASE_MS = 1_000;
const HOUR_MS = 3_600_000;

/** What is believed of one task. */
interface Belief {
  readonly maxAttempts: number;
  state: TaskState;
  attempts: number;
  runAt: number;
  leaseUntil: number;
  /** When it came into its state, as far as the clock is right. */
  since: number;
  holder: string | undefined;
}

/**
 * What a queue should be, told independently of how it is made: every step is done to the real queue and to the model, and
 * both must agree. Old claims are kept and used again on purpose. The draws of the queue must be 0.
 */
export class QueueModel {
  readonly #world: QueueWorld;
  readonly #beliefs = new Map<string, Belief>();
  readonly #claims: Claim[] = [];
  /** What the queue was told last by the clock, and whether it may believe that no task is dated later than that. */
  #latest = -Infinity;
  #isDated = false;

  constructor(world: QueueWorld) {
    this.#world = world;
  }

  async submit(maxAttempts: number, delayMs: number): Promise<void> {
    const { task } = await this.#world.queue.submit({ kind: 'echo', payload: null, maxAttempts, delayMs });
    const since = this.#look();
    const runAt = since + delayMs;
    const belief: Belief = {
      maxAttempts,
      state: 'queued',
      attempts: 0,
      runAt,
      leaseUntil: 0,
      since,
      holder: undefined,
    };
    this.#beliefs.set(task.id, belief);
  }

  async claim(worker: string): Promise<void> {
    const { queue, now } = this.#world;
    this.#redate();
    this.#endOverdue();
    const due = [...this.#beliefs.values()].filter(({ state, runAt }) => state === 'queued' && runAt <= now);
    const task = await queue.claim(worker, KINDS, LEASE_MS);
    equal(task === undefined, due.length === 0);
    if (task === undefined) return;
    const believed = this.#belief(task.id);
    equal(believed.state, 'queued');
    equal(believed.runAt, Math.min(...due.map(({ runAt }) => runAt)));
    believed.attempts++;
    Object.assign(believed, { state: 'running', holder: worker, leaseUntil: now + LEASE_MS, since: now });
    this.#claims.push(claimOn(task));
  }

  pass(ms: number): void {
    this.#world.now += ms;
  }

  setBack(ms: number): void {
    this.#world.now -= ms;
  }

  heartbeat(pick: number): Promise<void> {
    return this.#withClaim(pick, async (claim, believed) => {
      const standing = await this.#world.queue.heartbeat(claim, LEASE_MS);
      if (standing === 'held') believed.leaseUntil = this.#world.now + LEASE_MS;
      return standing;
    });
  }

  finish(pick: number, ending: Ending): Promise<void> {
    return this.#withClaim(pick, async (claim, believed) => {
      const standing = await this.#world.queue.finish(claim, ending);
      if (standing !== 'held') return standing;
      if (ending.state === 'done') believed.state = 'done';
      else if (ending.final === true || believed.attempts >= believed.maxAttempts) believed.state = 'failed';
      // Half of the doubled pause.
      else this.#requeue(believed, 500 * 2 ** (believed.attempts - 1));
      return standing;
    });
  }

  giveBack(pick: number): Promise<void> {
    return this.#withClaim(pick, async (claim, believed) => {
      const standing = await this.#world.queue.giveBack(claim);
      if (standing === 'held') this.#requeue(believed, 0);
      return standing;
    });
  }

  async cancel(pick: number): Promise<void> {
    const ids = [...this.#beliefs.keys()];
    const id = ids[pick % ids.length];
    if (id === undefined) return;
    this.#look();
    const believed = this.#belief(id);
    const isOver = believed.state === 'done' || believed.state === 'failed';
    const cancellation = await this.#world.queue.cancel(id);
    equal(cancellation?.outcome, isOver ? 'over' : 'cancelled');
    if (!isOver) believed.state = 'cancelled';
  }

  async expire(): Promise<void> {
    this.#redate();
    const ended = this.#endOverdue();
    equal(await this.#world.queue.expire(KINDS), ended);
  }

  /** What must hold after every step, whatever came before. */
  check(): void {
    const { queue } = this.#world;
    const tasks = queue.list({ limit: 1_000 });
    equal(tasks.length, this.#beliefs.size);
    for (const { id, state, attempts, leaseUntil, result } of tasks) {
      const believed = this.#belief(id);
      deepEqual({ id, state, attempts }, { id, state: believed.state, attempts: believed.attempts });
      equal(leaseUntil !== undefined, state === 'running');
      equal(result !== undefined, state === 'done');
      this.#checkHistory(id, state, attempts);
    }
  }

  /** One unbroken chain of allowed changes, from the submission to the state of the task. */
  #checkHistory(id: string, state: TaskState, attempts: number): void {
    let last: TaskState | undefined;
    let claims = 0;
    for (const { from, to } of this.#world.queue.history(id)) {
      equal(from, last);
      equal(from === undefined ? to === 'queued' : mayBecome(from, to), true);
      if (to === 'running') claims++;
      last = to;
    }
    deepEqual({ last, claims }, { last: state, claims: attempts });
  }

  async #withClaim(pick: number, use: (claim: Claim, believed: Belief) => Promise<Standing>): Promise<void> {
    const claim = this.#claims[pick % this.#claims.length];
    if (claim === undefined) return;
    this.#look();
    const believed = this.#belief(claim.taskId);
    const isNewest = believed.attempts === claim.attempt && believed.holder === claim.worker;
    const expected = isNewest ? standingIn(believed.state) : 'lost';
    equal(await use(claim, believed), expected);
  }

  /** The queue looks at the clock. */
  #look(): number {
    const { now } = this.#world;
    if (now < this.#latest) this.#isDated = false;
    this.#latest = now;
    return now;
  }

  /** Who looks for tasks dates those again that came into their state later than now: what was left then is left now, an hour of a lease at most. */
  #redate(): void {
    const now = this.#look();
    if (this.#isDated) return;
    this.#isDated = true;
    for (const believed of this.#beliefs.values()) {
      const { state, since, runAt, leaseUntil } = believed;
      if (state === 'queued' && since > now) Object.assign(believed, { since: now, runAt: now + runAt - since });
      if (state === 'running' && (since > now || leaseUntil > now + HOUR_MS)) {
        const left = Math.min(Math.max(0, leaseUntil - since), HOUR_MS);
        Object.assign(believed, { since: Math.min(since, now), leaseUntil: now + left });
      }
    }
  }

  #requeue(believed: Belief, delayMs: number): void {
    const { now } = this.#world;
    Object.assign(believed, { state: 'queued', runAt: now + delayMs, since: now });
  }

  #endOverdue(): number {
    const { now } = this.#world;
    const overdue = [...this.#beliefs.values()].filter(
      ({ state, leaseUntil }) => state === 'running' && leaseUntil <= now,
    );
    for (const believed of overdue) {
      const isLast = believed.attempts >= believed.maxAttempts;
      if (isLast) believed.state = 'failed';
      else this.#requeue(believed, 0);
    }
    return overdue.length;
  }

  #belief(id: string): Belief {
    const believed = this.#beliefs.get(id);
    if (believed === undefined) throw new Error(`nobody has submitted ${id}`);
    return believed;
  }
}

function standingIn(state: TaskState): Standing {
  if (state === 'running') return 'held';
  return state === 'cancelled' ? 'cancelled' : 'lost';
}
