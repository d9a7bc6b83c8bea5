import { openDatabaseService, sqlite, type OffloadSnapshot } from '@hive/shared-db';
import { temporaryDirectory, type TemporaryDatabase } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { COUNT_TO } from '../support/long-statement.ts';
import { rejectionOf } from '../support/outcome.ts';
import { shop } from '../support/shop.ts';

/** A second of work at least: what is called stuck must not be done before a thread has been started beside it and the test has looked. */
const LONG = 6_000_000;
/** Half a second, for what is looked at beside threads that are there already. */
const NOT_SHORT = 2_500_000;
/** Some tenths of a second. */
const SHORT = 1_000_000;

function threadsOf({ service }: Pick<TemporaryDatabase, 'service'>): OffloadSnapshot['threads'] {
  return service.snapshot().offload.threads;
}

/** Resolves when a statement is being run for a label. */
async function running(temporary: TemporaryDatabase, label: string): Promise<void> {
  await expect.poll(() => threadsOf(temporary).running.map((one) => one.label), { timeout: 20_000 }).toContain(label);
}

/** Waits out what nobody can end: another test must not begin beside it. */
async function unstuck(temporary: TemporaryDatabase): Promise<void> {
  await expect.poll(() => threadsOf(temporary).stuck, { timeout: 60_000, interval: 50 }).toBe(0);
}

describe('waiting for what another thread reads', () => {
  it('does not stop the event loop', async () => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const counting = temporary.database.offload('count', COUNT_TO, [SHORT]);
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    expect(await counting).toEqual([{ n: SHORT }]);
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(20);
  });

  it('ends at once when the caller has had enough, and the capacity comes back with the end of the statement', async () => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const { database } = temporary;
    const controller = new AbortController();
    const counting = rejectionOf(database.offload('yearly', COUNT_TO, [LONG], { signal: controller.signal }));
    await running(temporary, 'yearly');
    const reason = new Error('gone home');
    controller.abort(reason);
    expect(await counting).toMatchObject({
      code: 'HIVEDB_E_ABORTED',
      database: 'test',
      label: 'yearly',
      retryable: false,
      cause: reason,
    });
    expect(threadsOf(temporary)).toMatchObject({ stuck: 1, counters: { released: 1 } });
    expect(threadsOf(temporary).running).toMatchObject([{ database: 'test', label: 'yearly', stuck: true }]);
    // A spare serves meanwhile.
    expect(await database.offload('one', 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect(threadsOf(temporary)).toMatchObject({ live: 2, stuck: 1 });
    await unstuck(temporary);
    await expect.poll(() => threadsOf(temporary).live, { timeout: 10_000 }).toBe(1);
    expect(await database.offload('one', 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('ends at its deadline, and says that the statement goes on; is refused, naming what is stuck, when every thread and every spare is', async () => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const { database } = temporary;
    // The thread is there, so that the statement is begun in time.
    await database.offload('one', 'SELECT 1');
    const late = await rejectionOf(database.offload('yearly', COUNT_TO, [LONG], { timeoutMs: 50 }));
    expect(late).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'yearly' });
    expect((late as Error).message).toContain('still running after 50 ms; its thread is lost until the statement ends');

    const controller = new AbortController();
    const counting = rejectionOf(database.offload('monthly', COUNT_TO, [LONG], { signal: controller.signal }));
    await running(temporary, 'monthly');
    controller.abort();
    await counting;
    const error = await rejectionOf(database.offload('one', 'SELECT 1'));
    expect(error).toMatchObject({ code: 'HIVEDB_E_OVERLOADED', database: 'test', label: 'one', retryable: true });
    expect((error as Error).message).toMatch(
      /all that read are stuck: "yearly" on test for \d+ ms \(WITH RECURSIVE.*"monthly"/,
    );
    expect(error).toMatchObject({ culprits: [{ pid: process.pid, label: 'yearly' }, { label: 'monthly' }] });
    expect(threadsOf(temporary)).toMatchObject({ live: 2, stuck: 2, counters: { refused: 1 } });
    await unstuck(temporary);
    expect(await database.offload('one', 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('ends without the statement having been run when it has not begun in time, naming what was in the way', async () => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const { database } = temporary;
    const counting = database.offload('yearly', COUNT_TO, [NOT_SHORT]);
    await running(temporary, 'yearly');
    const error = await rejectionOf(database.offload('one', 'SELECT 1', [], { timeoutMs: 30 }));
    expect(error).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT', label: 'one', retryable: true });
    expect((error as Error).message).toMatch(/nobody was free to read within 30 ms: "yearly" on test/);
    // It was taken back: the thread is not lost, and no statement but one is run.
    await counting;
    expect(threadsOf(temporary)).toMatchObject({ stuck: 0, counters: { done: 1, released: 1 } });
    expect(database.snapshot().statements.map(({ statement }) => statement)).toContain('SELECT 1');
  });

  it('does not begin for a signal that is aborted already', async () => {
    await using temporary = await shop();
    const signal = AbortSignal.abort();
    const error = await rejectionOf(temporary.database.offload('one', 'SELECT 1', [], { signal }));
    expect(error).toMatchObject({ code: 'HIVEDB_E_ABORTED' });
    expect(threadsOf(temporary).live).toBe(0);
  });

  it('does not wait behind a long statement where another thread is free', async () => {
    await using temporary = await shop({ offloadWorkers: 2 });
    const { database } = temporary;
    await Promise.all(['a', 'b'].map((label) => database.offload(label, COUNT_TO, [100_000])));
    const order: string[] = [];
    const counting = database.offload('yearly', COUNT_TO, [NOT_SHORT]).then(() => order.push('long'));
    const quick = Array.from({ length: 100 }, (_, i) => database.offload('one', 'SELECT ? AS n', [i]));
    expect(await Promise.all(quick)).toEqual(Array.from({ length: 100 }, (_, n) => [{ n }]));
    order.push('quick');
    await counting;
    expect(order).toEqual(['quick', 'long']);
  });

  it('is bounded: who asks for more at once than can wait is refused', async () => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const { database } = temporary;
    const counting = database.offload('yearly', COUNT_TO, [SHORT]);
    await running(temporary, 'yearly');
    const all = await Promise.allSettled(
      Array.from({ length: 10_100 }, () => database.offload('one', 'SELECT 1 AS n')),
    );
    const refused = all.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(100);
    expect((refused[0] as PromiseRejectedResult).reason).toMatchObject({
      code: 'HIVEDB_E_OVERLOADED',
      retryable: true,
    });
    await counting;
  });

  it('is fair to databases: who asks for one thing does not wait for all that another has asked for before', async () => {
    using directory = temporaryDirectory();
    const [greedy, modest] = ['greedy', 'modest'].map((name) =>
      sqlite({ path: directory.file(`${name}.db`), durability: 'normal' }),
    );
    await using service = await openDatabaseService({
      app: 'test',
      presence: false,
      offloadWorkers: 1,
      databases: { greedy: greedy!, modest: modest! },
    });
    const order: string[] = [];
    const many = Array.from({ length: 500 }, () =>
      service
        .database('greedy')
        .offload('many', COUNT_TO, [5_000])
        .then(() => order.push('greedy')),
    );
    const one = service
      .database('modest')
      .offload('one', 'SELECT 1')
      .then(() => order.push('modest'));
    await Promise.all([...many, one]);
    expect(order.indexOf('modest')).toBeLessThan(100);
  });

  it('starts no thread before there is something to read', async () => {
    await using temporary = await shop();
    expect(threadsOf(temporary).live).toBe(0);
    await temporary.database.offload('one', 'SELECT 1');
    expect(threadsOf(temporary).live).toBe(1);
  });
});
