import { temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { BusProcess, type Report, type Task } from './support/bus-process.ts';

const ended =
  (payload: unknown) =>
  (report: Report): boolean =>
    report.did === 'end' && report.payload === payload;

const consuming = (name: string, directory: string, more: object = {}): Task => ({
  role: 'consumer',
  name,
  directory,
  consumer: 'store',
  topics: ['a'],
  ...more,
});
const publishing = (directory: string): Task => ({ role: 'publisher', name: 'publisher', directory });

describe('integration: consumers in other processes', () => {
  it('wake within 300 ms of a publication', async () => {
    using directory = temporaryDirectory();
    const { path } = directory;
    await using publisher = await BusProcess.start(publishing(path));
    await using consumer = await BusProcess.start(consuming('consumer', path));
    const delays: number[] = [];
    for (let number = 0; number < 21; number++) {
      publisher.publish('a', number);
      const begun = await consumer.until(({ did, payload }) => did === 'begin' && payload === number);
      const published = await publisher.until(({ did, payload }) => did === 'published' && payload === number);
      delays.push(begun.at - published.at);
    }
    delays.sort((one, other) => one - other);
    expect(delays[10]).toBeLessThan(300);
    expect(await publisher.finish()).toBe(0);
  });

  it('get an event again whose process was killed in the middle of it, and have effect once', async () => {
    using directory = temporaryDirectory();
    const { path } = directory;
    const task = consuming('consumer', path, { leaseMs: 500 });
    await using publisher = await BusProcess.start(publishing(path));
    for (const payload of [1, 2, 3]) publisher.publish('a', payload);

    const killed = await BusProcess.start({ ...task, hangOn: 2 });
    await killed.until(({ did, payload }) => did === 'begin' && payload === 2);
    await killed.kill();

    await using next = await BusProcess.start(task);
    await next.until(ended(3));
    const begun = next.reports.filter(({ did }) => did === 'begin');
    expect(begun.map(({ payload, attempt, first }) => ({ payload, attempt, first }))).toEqual([
      { payload: 2, attempt: 2, first: false },
      { payload: 3, attempt: 1, first: true },
    ]);
    await publisher.finish();
  });

  it('of one name share a topic: every event is handled once, in order, by one at a time', async () => {
    using directory = temporaryDirectory();
    const { path } = directory;
    const task = (name: string): Task => consuming(name, path, { handleMs: 5, pollMs: 10 });
    await using publisher = await BusProcess.start(publishing(path));
    await using first = await BusProcess.start(task('first'));
    await using second = await BusProcess.start(task('second'));
    const numbers = Array.from({ length: 40 }, (_, number) => number);
    for (const number of numbers) publisher.publish('a', number);
    await Promise.race([first.until(ended(39)), second.until(ended(39))]);
    await publisher.finish();

    const handled = [...first.reports, ...second.reports].filter(({ did }) => did === 'begin' || did === 'end');
    const begun = handled.filter(({ did }) => did === 'begin').toSorted(byPayload);
    const done = handled.filter(({ did }) => did === 'end').toSorted(byPayload);
    expect(begun.map(({ payload }) => payload)).toEqual(numbers);
    expect(done.map(({ payload }) => payload)).toEqual(numbers);
    for (const number of numbers.slice(1)) expect(begun[number]!.at).toBeGreaterThanOrEqual(done[number - 1]!.at);
  });

  it('of one name go on when the one that is at work is killed', async () => {
    using directory = temporaryDirectory();
    const { path } = directory;
    const task = (name: string): Task => consuming(name, path, { leaseMs: 500 });
    await using publisher = await BusProcess.start(publishing(path));
    const first = await BusProcess.start({ ...task('first'), hangOn: 1 });
    publisher.publish('a', 1);
    publisher.publish('a', 2);
    await first.until(({ did }) => did === 'begin');
    await using second = await BusProcess.start(task('second'));
    await first.kill();
    await second.until(ended(2));
    expect(second.reports.filter(({ did }) => did === 'end').map(({ payload }) => payload)).toEqual([1, 2]);
    await publisher.finish();
  });
});

describe('a process', () => {
  it('stays for a consumer, and does not when told not to', async () => {
    using directory = temporaryDirectory();
    const task = (name: string): Task => consuming(name, directory.path, { consumer: name });
    await using staying = await BusProcess.start(task('staying'));
    await using leaving = new BusProcess({ ...task('leaving'), keepAlive: false });
    expect(await leaving.end()).toBe(0);
    expect(staying.running).toBe(true);
  });

  it('does not stay for a relay, and what it published is on its way', async () => {
    using directory = temporaryDirectory();
    const { path } = directory;
    await using passer = new BusProcess({ role: 'passer-by', name: 'passer', directory: path });
    expect(await passer.end()).toBe(0);
    await using consumer = await BusProcess.start(consuming('consumer', path));
    // Whether it reached the bus or waits in the outbox, the next relay brings it.
    await using next = await BusProcess.start({ role: 'publisher', name: 'passer', directory: path });
    await consumer.until(ended(1));
    await next.finish();
  });
});

function byPayload(one: Report, other: Report): number {
  return Number(one.payload) - Number(other.payload);
}
