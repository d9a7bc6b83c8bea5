import { createLimit, driverDatabase, openDatabaseService, type SharedLimit } from '@hive/shared-db';
import { FakeDriver, VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { passUntilSettled } from '../support/fake-database.ts';
import { rejectionOf } from '../support/outcome.ts';

/** Two databases on one server, which have three connections together. */
async function scene() {
  const clock = new VirtualClock();
  const driver = new FakeDriver({ clock });
  const sharedLimit = createLimit(3);
  const on = (name: string) => driverDatabase({ driver, identity: `fake://${name}`, sharedLimit, poolSize: 4 });
  const databases = { orders: on('orders'), stock: on('stock') };
  const opening = openDatabaseService({ app: 'shop', presence: false, databases, clock });
  await passUntilSettled(clock, opening);
  const service = await opening;
  return {
    clock,
    driver,
    sharedLimit,
    shared: () => service.snapshot().databases.map(({ pool }) => pool.sharedLimit),
    hold: (name: 'orders' | 'stock', ms: number) =>
      service.database(name).read(
        'hold',
        () =>
          new Promise<number>((resolve) => {
            clock.after(ms, () => {
              resolve(ms);
            });
          }),
      ),
    [Symbol.asyncDispose]: () => passUntilSettled(clock, service.close({ graceMs: 0 })),
  };
}

describe('databases on one server', () => {
  it('have no more connections open together than they may, and the one that waits gets what the other gives up', async () => {
    await using house = await scene();
    const { clock, driver } = house;
    const orders = [1, 2, 3, 4].map(() => house.hold('orders', 50));
    await clock.advance(1);
    const stock = house.hold('stock', 5);
    await clock.advance(1);
    expect(driver.live).toBe(3);
    expect(house.shared()).toEqual([
      { most: 3, live: 3 },
      { most: 3, live: 3 },
    ]);
    await clock.advance(200);
    await Promise.all([...orders, stock]);
    expect(driver.mostLive).toBe(3);
  });

  it('have another limit as soon as it is changed', async () => {
    await using house = await scene();
    const { clock, driver, sharedLimit } = house;
    const orders = [1, 2, 3].map(() => house.hold('orders', 10));
    await clock.advance(50);
    await Promise.all(orders);
    sharedLimit.resize(1);
    await clock.advance(1);
    expect([driver.live, house.shared()[0]]).toEqual([1, { most: 1, live: 1 }]);
  });

  it('are not opened with what is no limit', async () => {
    const clock = new VirtualClock();
    const limit = { most: 3 } as SharedLimit;
    const orders = driverDatabase({ driver: new FakeDriver({ clock }), identity: 'fake://1', sharedLimit: limit });
    expect(
      await rejectionOf(openDatabaseService({ app: 'shop', presence: false, databases: { orders }, clock })),
    ).toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('option sharedLimit is an object; expected what createLimit has made') as string,
    });
  });
});
