import { deepEqual, equal } from 'node:assert/strict';
import { claimOn, type Claim, type Standing } from '../../src/tasks/claim.ts';
import type { Ending } from '../../src/tasks/queue.ts';
import { mayBecome, type TaskState } from '../../src/tasks/task-state.ts';
import type { QueueWorld } from './queue-world.ts';

const KINDS = ['echo'];
const LEASE_MS = 1_000;

/** What is believed of one task. */
interface Belief {
  readonly maxAttempts: number;
  state: TaskState;
  attempts: number;
  runAt: number;
  leaseUntil: number;
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

  constructor(world: QueueWorld) {
    this.#world = world;
  }

  async submit(maxAttempts: number, delayMs: number): Promise<void> {
    const { task } = await this.#world.queue.submit({ kind: 'echo', payload: null, maxAttempts, delayMs });
    const runAt = this.#world.now + delayMs;
    this.#beliefs.set(task.id, { maxAttempts, state: 'queued', attempts: 0, runAt, leaseUntil: 0, holder: undefined });
  }

  async claim(worker: string): Promise<void> {
    const { queue, now } = this.#world;
    this.#endOverdue();
    const due = [...this.#beliefs.values()].filter(({ state, runAt }) => state === 'queued' && runAt <= now);
    const task = await queue.claim(worker, KINDS, LEASE_MS);
    equal(task === undefined, due.length === 0);
    if (task === undefined) return;
    const believed = this.#belief(task.id);
    equal(believed.state, 'queued');
    equal(believed.runAt, Math.min(...due.map(({ runAt }) => runAt)));
    believed.attempts++;
    Object.assign(believed, { state: 'running', holder: worker, leaseUntil: now + LEASE_MS });
    this.#claims.push(claimOn(task));
  }

  pass(ms: number): void {
    this.#world.now += ms;
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
      else Object.assign(believed, { state: 'queued', runAt: this.#world.now + 500 * 2 ** (believed.attempts - 1) });
      return standing;
    });
  }

  giveBack(pick: number): Promise<void> {
    return this.#withClaim(pick, async (claim, believed) => {
      const standing = await this.#world.queue.giveBack(claim);
      if (standing === 'held') Object.assign(believed, { state: 'queued', runAt: this.#world.now });
      return standing;
    });
  }

  async cancel(pick: number): Promise<void> {
    const ids = [...this.#beliefs.keys()];
    const id = ids[pick % ids.length];
    if (id === undefined) return;
    const believed = this.#belief(id);
    const isOver = believed.state === 'done' || believed.state === 'failed';
    const cancellation = await this.#world.queue.cancel(id);
    equal(cancellation?.outcome, isOver ? 'over' : 'cancelled');
    if (!isOver) believed.state = 'cancelled';
  }

  async expire(): Promise<void> {
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
    const believed = this.#belief(claim.taskId);
    const isNewest = believed.attempts === claim.attempt && believed.holder === claim.worker;
    const expected = isNewest ? standingIn(believed.state) : 'lost';
    equal(await use(claim, believed), expected);
  }

  #endOverdue(): number {
    const { now } = this.#world;
    const overdue = [...this.#beliefs.values()].filter(
      ({ state, leaseUntil }) => state === 'running' && leaseUntil <= now,
    );
    for (const believed of overdue) {
      const isLast = believed.attempts >= believed.maxAttempts;
      Object.assign(believed, isLast ? { state: 'failed' } : { state: 'queued', runAt: now });
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
