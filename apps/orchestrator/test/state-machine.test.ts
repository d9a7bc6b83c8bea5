import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayBecome, TASK_STATES } from '../src/tasks/task-state.ts';
import { QueueModel } from './support/queue-model.ts';
import { queueWorld, type QueueWorld } from './support/queue-world.ts';

type Step = (model: QueueModel) => Promise<void> | void;

/** A step that a failing run is told in. */
function named(name: string, step: Step): Step {
  return Object.assign(step, { [fc.toStringMethod]: () => name });
}

const pick = fc.nat(99);
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.nat(2_000))
    .map(([most, delayMs]) =>
      named(`submit(${most} attempts, in ${delayMs} ms)`, (model) => model.submit(most, delayMs)),
    ),
  fc.constantFrom('ann', 'ben', 'cid').map((worker) => named(`claim(${worker})`, (model) => model.claim(worker))),
  fc.nat(2_500).map((ms) => named(`pass(${ms} ms)`, (model) => model.pass(ms))),
  fc.oneof(fc.nat(5_000), fc.constant(7_200_000)).map((ms) =>
    named(`setBack(${ms} ms)`, (model) => {
      model.setBack(ms);
    }),
  ),
  pick.map((claim) => named(`heartbeat(${claim})`, (model) => model.heartbeat(claim))),
  pick.map((claim) => named(`done(${claim})`, (model) => model.finish(claim, { state: 'done', result: claim }))),
  fc
    .tuple(pick, fc.boolean())
    .map(([claim, final]) =>
      named(`fail(${claim}, ${final ? 'final' : 'retry'})`, (model) =>
        model.finish(claim, { state: 'failed', error: 'no luck', final }),
      ),
    ),
  pick.map((claim) => named(`giveBack(${claim})`, (model) => model.giveBack(claim))),
  pick.map((task) => named(`cancel(${task})`, (model) => model.cancel(task))),
  fc.constant(named('expire()', (model) => model.expire())),
);

describe('the state machine of a task', () => {
  let world: QueueWorld;
  beforeAll(async () => {
    world = await queueWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it('holds whatever workers do, in whatever order, with whatever old claims', { timeout: 90_000 }, async () => {
    const runs = fc.asyncProperty(fc.array(steps, { maxLength: 40, size: 'max' }), async (sequence) => {
      await world.database.write('start afresh', (tx) => {
        tx.run('DELETE FROM task_history');
        tx.run('DELETE FROM tasks');
      });
      // There is a past to go back to.
      world.now = 1_000_000_000;
      const model = new QueueModel(world);
      for (const step of sequence) {
        await step(model);
        model.check();
      }
    });
    expect(fc.defaultReportMessage(await fc.check(runs, { numRuns: 300 }))).toBeUndefined();
  });

  it('ends in states that nothing leaves', () => {
    const over = ['done', 'failed', 'cancelled'] as const;
    expect(over.flatMap((from) => TASK_STATES.filter((to) => mayBecome(from, to)))).toEqual([]);
  });
});
