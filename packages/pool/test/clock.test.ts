import { describe, expect, it } from 'vitest';
import { createPool, systemClock, type Pool } from '@hive/pool';
import { verifyPool, VirtualClock } from '@hive/pool/testing';

describe('a virtual clock', () => {
  it('stands still until it is moved', async () => {
    const clock = new VirtualClock(1_000);
    await clock.settle();
    expect([clock.now(), clock.wallTime()]).toEqual([0, 1_000]);
    await clock.advance(250);
    expect([clock.now(), clock.wallTime()]).toEqual([250, 1_250]);
  });

  it('fires timers when they are due, the earlier first, and equal ones in the order they were set', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const set = (name: string, ms: number): void => {
      clock.after(ms, () => {
        fired.push(`${name} at ${clock.now()}`);
      });
    };
    set('b', 20);
    set('a', 10);
    set('c', 20);
    set('d', 31);
    await clock.advance(30);
    expect(fired).toEqual(['a at 10', 'b at 20', 'c at 20']);
  });

  it('lets all promise reactions of one timer run before the next one fires', async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.after(1, () => {
      void (async () => {
        for (let i = 0; i < 5; i++) await Promise.resolve();
        order.push('reaction');
      })();
    });
    clock.after(1, () => {
      order.push('timer');
    });
    await clock.advance(1);
    expect(order).toEqual(['reaction', 'timer']);
  });

  it('fires what a timer sets, if that is due as well', async () => {
    const clock = new VirtualClock();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.now());
      clock.after(10, again);
    };
    clock.after(10, again);
    await clock.advance(35);
    expect(fired).toEqual([10, 20, 30]);
  });

  it('moves without firing when the event loop is blocked', async () => {
    const clock = new VirtualClock();
    const fired: number[] = [];
    clock.after(10, () => {
      fired.push(clock.now());
    });
    clock.block(50);
    expect([clock.now(), fired.length]).toEqual([50, 0]);
    await clock.advance(0);
    expect(fired).toEqual([50]);
  });

  it('knows which timers would keep a process alive', async () => {
    const clock = new VirtualClock();
    const timer = clock.after(10, () => {});
    const other = clock.after(10, () => {});
    expect(clock.aliveTimers).toBe(2);
    timer.unref();
    other.cancel();
    expect(clock.aliveTimers).toBe(0);
    timer.ref();
    expect(clock.aliveTimers).toBe(1);
    await clock.advance(10);
    expect(clock.aliveTimers).toBe(0);
  });

  it('turns when it is told to, and not before', async () => {
    const clock = new VirtualClock();
    let turned = false;
    const before = clock.turns();
    clock.nextTurn(() => {
      turned = true;
    });
    await Promise.resolve();
    expect([turned, clock.turns()]).toEqual([false, before]);
    await clock.settle();
    expect(turned).toBe(true);
    expect(clock.turns()).toBeGreaterThan(before);
  });
});

describe("the system's clock", () => {
  it('goes forward, and calls back once and not too early', async () => {
    const begin = systemClock.now();
    await new Promise<void>((resolve) => {
      systemClock.after(20, resolve);
    });
    expect(systemClock.now() - begin).toBeGreaterThan(18);
    expect(Math.abs(systemClock.wallTime() - Date.now())).toBeLessThan(1_000);
  });

  it('does not call back when the timer was cancelled', async () => {
    let called = false;
    systemClock
      .after(1, () => {
        called = true;
      })
      .cancel();
    await new Promise<void>((resolve) => {
      systemClock.after(10, resolve);
    });
    expect(called).toBe(false);
  });

  it('counts the turns of the event loop', async () => {
    const before = systemClock.turns();
    await Promise.resolve();
    expect(systemClock.turns()).toBe(before);
    for (let i = 0; i < 3; i++)
      await new Promise<void>((resolve) => {
        systemClock.nextTurn(resolve);
      });
    expect(systemClock.turns()).toBeGreaterThan(before);
  });
});

describe('verifyPool', () => {
  it('has nothing to say about a pool in order', () => {
    expect(() => {
      verifyPool(createPool({ create: () => ({}) }));
    }).not.toThrow();
  });

  it('takes only what createPool made', () => {
    expect(() => {
      verifyPool({} as Pool<unknown>);
    }).toThrow('verifyPool takes what createPool made');
  });
});
