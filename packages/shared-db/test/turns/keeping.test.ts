import { describe, expect, it } from 'vitest';
import { VirtualClock } from '@hive/pool/testing';
// By itself: how long a turn lasts is a matter of milliseconds, which no process can be told to take.
import { TurnKeeper } from '../../dist/lane/turn-keeper.js';
import { NoTurns } from '../../dist/turns/no-turns.js';
import type { Turn, Turns } from '../../dist/turns/turns.js';

const QUANTUM_MS = 4;
const SIGNAL = new AbortController().signal;

/** A process whose turn it is, or is going to be, beside others who wait for theirs. */
function writer({ isWanted = true } = {}) {
  const clock = new VirtualClock();
  const nobody = new NoTurns('nobody is there', clock);
  const turns: Turns = {
    mayTry: false,
    wanted: isWanted,
    holder: undefined,
    state: nobody.state,
    take: () =>
      Promise.resolve({ since: clock.now(), isGiven: true, endsAt: clock.now() + QUANTUM_MS, end: () => undefined }),
    close: () => undefined,
  };
  const keeper = new TurnKeeper(clock);
  keeper.use(turns);
  const write = async (ms: number, count = 1): Promise<boolean> => {
    await clock.advance(ms);
    keeper.wrote(count);
    keeper.passOn();
    return keeper.held;
  };
  return { keeper, write, take: () => keeper.take(SIGNAL) };
}

/** A process in line, whose turn comes only when somebody gives it. */
function waiter() {
  const clock = new VirtualClock();
  const given = Promise.withResolvers<Turn>();
  const turns: Turns = {
    mayTry: false,
    wanted: true,
    holder: undefined,
    state: new NoTurns('nobody is there', clock).state,
    take: ({ signal } = {}) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
        void given.promise.then(resolve);
      }),
    close: () => undefined,
  };
  const keeper = new TurnKeeper(clock);
  keeper.use(turns);
  const give = (): void => given.resolve({ since: clock.now(), isGiven: true, endsAt: Infinity, end: () => undefined });
  return { clock, keeper, give };
}

describe('a turn that others want', () => {
  it('is given on after its time, when many have been written', async () => {
    const { take, write } = writer();
    await take();
    expect(await write(3.9, 64)).toBe(true);
    expect(await write(0.1)).toBe(false);
  });

  it('lasts for seven writes of two milliseconds', async () => {
    const { take, write } = writer();
    await take();
    const held: boolean[] = [];
    for (let n = 0; n < 7; n++) held.push(await write(2));
    expect(held).toEqual([true, true, true, true, true, true, false]);
  });

  it('lasts four times as long as it was given for, at most', async () => {
    const { take, write } = writer();
    await take();
    expect([await write(10), await write(5.9), await write(0.1)]).toEqual([true, true, false]);
  });

  it('begins anew each time', async () => {
    const { take, write } = writer();
    await take();
    expect(await write(5, 7)).toBe(false);
    await take();
    expect(await write(5, 6)).toBe(true);
  });

  it('is given on when the last of long writes has begun: the next process is told while it lasts', async () => {
    const { keeper, take, write } = writer();
    await take();
    const held: boolean[] = [];
    for (let n = 0; n < 7; n++) {
      keeper.begun(2);
      held.push(keeper.held);
      await write(2);
    }
    expect(held).toEqual([true, true, true, true, true, true, false]);
  });

  it('is not given on before the last of short writes is over: who is next would come too early', async () => {
    const { keeper, take, write } = writer();
    await take();
    await write(3.9, 64);
    keeper.begun(0.9);
    expect(keeper.held).toBe(true);
    expect(await write(0.9)).toBe(false);
  });

  it('is not given on when a long write has begun that ends within its time', async () => {
    const { keeper, take } = writer();
    await take();
    keeper.begun(3);
    expect(keeper.held).toBe(true);
  });

  it('is given on at once by who has nothing to write for now', async () => {
    const { keeper, take } = writer();
    await take();
    keeper.yield();
    expect(keeper.held).toBe(false);
  });
});

describe('a turn that nobody else wants', () => {
  it('is kept', async () => {
    const { keeper, take, write } = writer({ isWanted: false });
    await take();
    expect(await write(1_000, 64)).toBe(true);
    keeper.begun(2);
    keeper.yield();
    expect(keeper.held).toBe(true);
  });
});

describe('who tries for the lock before its turn', () => {
  it('may do so thirty-two times, and then again after a turn', async () => {
    const { keeper, take, write } = writer();
    const tries = (): number => Array.from({ length: 100 }, () => keeper.barge()).filter(Boolean).length;
    expect(tries()).toBe(32);
    expect(tries()).toBe(0);
    await take();
    await write(20, 7);
    expect(tries()).toBe(32);
  });
});

describe('a turn that has to come before a moment', () => {
  it('is had where it does', async () => {
    const { clock, keeper, give } = waiter();
    const had = keeper.takeBefore(clock.now() + 10, undefined);
    await clock.advance(9);
    give();
    expect(await had).toBe(true);
    expect(keeper.held).toBe(true);
    expect(clock.aliveTimers).toBe(0);
  });

  it('is not waited for any longer then', async () => {
    const { clock, keeper } = waiter();
    const had = keeper.takeBefore(clock.now() + 10, undefined);
    await clock.advance(10);
    expect(await had).toBe(false);
    expect(keeper.held).toBe(false);
  });

  it('is not waited for by who has aborted, with his reason', async () => {
    const { clock, keeper } = waiter();
    const controller = new AbortController();
    const had = keeper.takeBefore(clock.now() + 10, controller.signal);
    const reason = new Error('gone home');
    controller.abort(reason);
    await expect(had).rejects.toBe(reason);
    expect(clock.aliveTimers).toBe(0);
  });
});
