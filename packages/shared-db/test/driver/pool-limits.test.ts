import { createPool } from '@hive/pool';
import { VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { DEFAULT_DATABASE_SETTINGS, type DatabaseSettings } from '../../dist/database-settings.js';
import { adoptLimits, limitsOf } from '../../dist/driver/pool-limits.js';

type Limits = Pick<DatabaseSettings, 'poolSize' | 'maxOverflow' | 'autoSize' | 'budgets'>;

const NO_BOUNDS = { min: undefined, max: undefined };
const budget = (reserved: number, max?: number) => ({ reserved, max, weight: 1 });

function limits(given: Partial<Limits>): Limits {
  const { poolSize, maxOverflow, autoSize, budgets } = { ...DEFAULT_DATABASE_SETTINGS, ...given };
  return { poolSize, maxOverflow, autoSize, budgets };
}

/** A pool by these settings, and what becomes of it by others. */
function poolOf(given: Partial<Limits>) {
  const before = limits(given);
  const pool = createPool({
    create: () => ({}),
    clock: new VirtualClock(),
    size: before.poolSize,
    maxOverflow: before.maxOverflow,
    ...limitsOf(before),
  });
  const state = () => {
    const { size, maxOverflow, budgets } = pool.stats();
    const reserves = budgets?.map(({ name, reserved, max }) => [name, reserved, max]);
    return { size, maxOverflow, reserves };
  };
  return { pool, before, state, adopt: (now: Partial<Limits>) => adoptLimits(pool, before, limits(now)) };
}

describe('a pool that goes by settings that were read anew', () => {
  it('counts nothing for budgets where there are none', () => {
    expect(limitsOf(limits({}))).toEqual({});
    expect(poolOf({}).state().reserves).toBeUndefined();
  });

  it('has more reserved than there was room for before, and less room than was reserved before', async () => {
    const grown = poolOf({ poolSize: 2, budgets: { web: budget(2) } });
    await grown.adopt({ poolSize: 6, budgets: { web: budget(3), batch: budget(3, 4) } });
    expect(grown.state()).toMatchObject({
      size: 6,
      reserves: [
        ['default', 0, 6],
        ['web', 3, 6],
        ['batch', 3, 4],
      ],
    });
    const shrunk = poolOf({ poolSize: 6, budgets: { web: budget(6) } });
    await shrunk.adopt({ poolSize: 2, budgets: { web: budget(1) } });
    expect(shrunk.state()).toMatchObject({
      size: 2,
      reserves: [
        ['default', 0, 2],
        ['web', 1, 2],
      ],
    });
  });

  it('loses budgets that are no longer named, and keeps those that were given by hand where settings say nothing new', async () => {
    const scene = poolOf({ budgets: { web: budget(1) } });
    await scene.adopt({ budgets: {} });
    expect(scene.state().reserves).toEqual([['default', 0, 4]]);
    const byHand = poolOf({ budgets: { web: budget(1) } });
    byHand.pool.setBudgets({ night: { reserved: 3 } });
    await byHand.adopt({ maxOverflow: 2, budgets: { web: budget(1) } });
    expect(byHand.state().reserves).toContainEqual(['night', 3, 6]);
  });

  it('has its budgets of the settings where those that were given by hand leave no room', async () => {
    const scene = poolOf({ budgets: { web: budget(1) } });
    scene.pool.setBudgets({ night: { reserved: 4 } });
    await scene.adopt({ poolSize: 2, budgets: { web: budget(1) } });
    expect(scene.state()).toMatchObject({
      size: 2,
      reserves: [
        ['default', 0, 2],
        ['web', 1, 2],
      ],
    });
  });

  it('has its size of the settings where the one that was given by hand is too small for new budgets', async () => {
    const scene = poolOf({ poolSize: 8 });
    await scene.pool.resize({ size: 2 });
    await scene.adopt({ poolSize: 8, budgets: { web: budget(4) } });
    expect(scene.state().size).toBe(8);
  });

  it('finds its size between bounds that are new, and no longer where they are gone', async () => {
    const scene = poolOf({ poolSize: 4 });
    await scene.adopt({ poolSize: 10, autoSize: { min: 8, max: 16 } });
    expect(scene.state().size).toBe(10);
    await expect(scene.pool.resize({ size: 17 })).rejects.toThrow('from 8 to 16, the bounds of autoSize');
    const moved = poolOf({ poolSize: 2, autoSize: { min: 2, max: 4 } });
    await moved.adopt({ poolSize: 10, autoSize: { min: 8, max: 16 } });
    expect(moved.state().size).toBe(10);
    const freed = poolOf({ poolSize: 4, autoSize: { min: 2, max: 8 } });
    await freed.adopt({ poolSize: 4, autoSize: NO_BOUNDS });
    await freed.pool.resize({ size: 20 });
    expect(freed.state().size).toBe(20);
  });

  it('keeps the size that it has found by itself, also where something else is changed, as long as it lies between the bounds', async () => {
    const autoSize = { min: 2, max: 8 };
    const scene = poolOf({ poolSize: 2, autoSize });
    await scene.pool.resize({ size: 6 });
    await scene.adopt({ poolSize: 2, autoSize, maxOverflow: 1 });
    expect(scene.state()).toMatchObject({ size: 6, maxOverflow: 1 });
    const bound = poolOf({ poolSize: 2, autoSize });
    await bound.pool.resize({ size: 6 });
    await bound.adopt({ poolSize: 2, autoSize: { min: 2, max: 4 } });
    expect(bound.state().size).toBe(2);
  });
});
