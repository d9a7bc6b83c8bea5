import { describe, expect, it } from 'vitest';
import type { Connection } from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import { rejectionOf } from './support/outcome.ts';
import { shop } from './support/shop.ts';

const EXPIRED = {
  code: 'HIVEDB_E_TRANSACTION_EXPIRED',
  label: 'report',
  message: expect.stringContaining('the read took longer than its limit of 5000 ms') as string,
};
const count = (c: Connection): Promise<unknown> => c.get('SELECT count(*) AS n FROM item');

/** A read that has begun and waits for something else. */
function reading(
  read: (fn: (c: Connection) => Promise<unknown>) => Promise<unknown>,
  after: (c: Connection) => unknown,
) {
  const begun = Promise.withResolvers<undefined>();
  const gate = Promise.withResolvers<undefined>();
  const promise = read(async (c) => {
    await count(c);
    begun.resolve(undefined);
    await gate.promise;
    return after(c);
  });
  promise.catch(() => undefined);
  return { begun: begun.promise, goOn: gate.resolve, ended: promise };
}

describe('a read', () => {
  it.for<readonly [string, (c: Connection) => unknown]>([
    ['runs another statement', count],
    ['returns', () => 'done'],
  ])('that takes longer than its limit loses its snapshot then, and is told when it %s', async ([, after]) => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const long = reading((fn) => database.read('report', fn, { limitMs: 5_000 }), after);
    await long.begun;
    await clock.advance(4_900);
    expect(database.leases()).toMatchObject([{ owner: 'report', allowedMs: 5_000 }]);
    // It is looked at once a second, first within a second of its beginning.
    await clock.advance(1_200);
    expect(database.leases()).toEqual([]);
    long.goOn(undefined);
    expect(await rejectionOf(long.ended)).toMatchObject(EXPIRED);
    expect(await database.read('look', count)).toEqual({ n: 0 });
  });

  it('has thirty seconds where it does not say otherwise, and others may have longer', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const usual = reading((fn) => database.read('usual', fn), count);
    const longer = reading((fn) => database.read('longer', fn, { limitMs: 60_000 }), count);
    await Promise.all([usual.begun, longer.begun]);
    await clock.advance(29_900);
    expect(database.leases()).toHaveLength(2);
    await clock.advance(1_200);
    expect(database.leases()).toMatchObject([{ owner: 'longer' }]);
    for (const one of [usual, longer]) one.goOn(undefined);
    expect(await rejectionOf(usual.ended)).toMatchObject({ code: 'HIVEDB_E_TRANSACTION_EXPIRED' });
    expect(await longer.ended).toEqual({ n: 0 });
  });

  it.for([-1, Number.NaN, '5s'])('is not begun with a limit that is no duration: %s', async (limitMs) => {
    await using temporary = await shop();
    expect(await rejectionOf(temporary.database.read('report', count, { limitMs: limitMs as number }))).toMatchObject({
      code: 'HIVEDB_E_CONFIG',
    });
  });
});
