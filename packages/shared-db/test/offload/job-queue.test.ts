import { describe, expect, it } from 'vitest';
import { JobQueue } from '../../dist/offload/job-queue.js';
import { Job, type OffloadedDatabase } from '../../dist/offload/job.js';

const [busy, quiet] = ['busy', 'quiet'].map((name): OffloadedDatabase => ({
  name,
  path: `/${name}.db`,
  integers: 'safe',
  assertSame: () => undefined,
})) as [OffloadedDatabase, OffloadedDatabase];

function jobOn(database: OffloadedDatabase, label: string): Job {
  const order = { database, label, statement: '', sql: '', params: [], signal: undefined, timeoutMs: 1_000, at: 0 };
  return new Job(order, { done: () => undefined, failed: () => undefined, refused: () => undefined });
}

function labelsOf(queue: JobQueue): readonly string[] {
  const labels: string[] = [];
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) labels.push(job.order.label);
  return labels;
}

describe('the queue of what is to be read elsewhere', () => {
  it('serves databases by turns, each in its order', () => {
    const queue = new JobQueue();
    for (const label of ['b1', 'b2', 'b3']) queue.push(jobOn(busy, label));
    for (const label of ['q1', 'q2']) queue.push(jobOn(quiet, label));
    expect(queue.size).toBe(5);
    expect(labelsOf(queue)).toEqual(['b1', 'q1', 'b2', 'q2', 'b3']);
    expect(queue.size).toBe(0);
  });

  it('puts what was taken back before what has come meanwhile', () => {
    const queue = new JobQueue();
    queue.push(jobOn(busy, 'later'));
    queue.putBack([jobOn(busy, 'first'), jobOn(busy, 'second')]);
    expect(queue.size).toBe(3);
    expect(labelsOf(queue)).toEqual(['first', 'second', 'later']);
  });

  it('lets go of one that nobody waits for any more, once', () => {
    const queue = new JobQueue();
    const job = jobOn(busy, 'one');
    queue.push(job);
    expect(queue.remove(job)).toBe(true);
    expect(queue.remove(job)).toBe(false);
    expect(queue.size).toBe(0);
    expect(queue.shift()).toBeUndefined();
  });
});
