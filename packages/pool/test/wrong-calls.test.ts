import { describe, expect, it } from 'vitest';
import { PoolError, type AcquireOptions, type Pool, type Resize } from '@hive/pool';
import { scene } from './support/scene.ts';
import type { Resource } from './support/workshop.ts';
import { watch } from './support/watched.ts';

const ONE = { size: 1, maxOverflow: 0 } as const;

/** The message of the `CONFIG` that a promise is rejected with. */
async function refusalOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => 'nothing',
    (reason: unknown) => reason,
  );
  if (error instanceof PoolError && error.code === 'CONFIG') return error.message;
  throw new Error('it was not refused with CONFIG', { cause: error });
}

/** Asks with options that no compiler has seen: while one is idle, and while all are taken. */
async function refusals(options: unknown): Promise<readonly string[]> {
  const { pool } = scene(() => ONE);
  const ask = (): Promise<string> => refusalOf(pool.acquire(options as AcquireOptions));
  (await pool.acquire()).release();
  const said = [await ask()];
  // Nothing was lost meanwhile.
  const holder = await pool.acquire({ timeoutMs: 0 });
  said.push(await ask());
  expect(pool.stats()).toMatchObject({ leased: 1, waiting: 0, live: 1 });
  holder.release();
  return said;
}

/** A pool of one, which is idle or taken. */
async function poolOfOne(isTaken: boolean): Promise<Pool<Resource>> {
  const { pool } = scene(() => ONE);
  const lease = await pool.acquire();
  if (!isTaken) lease.release();
  return pool;
}

describe('a call without types', () => {
  it.each<[unknown, string]>([
    [null, 'options of acquire are null; expected an object'],
    ...[Number.NaN, -1, Infinity, null].map((allowedMs): [unknown, string] => [
      { allowedMs },
      `pool option allowedMs is ${allowedMs}; expected a number from 0 to 2147483647`,
    ]),
    [{ allowedMs: '5' }, 'pool option allowedMs is "5"; expected a number from 0 to 2147483647'],
  ])('of acquire(%j) is refused by a rejection, whether or not it would have to wait', async (options, said) => {
    expect(await refusals(options)).toEqual([said, said]);
  });

  it.each([
    [5, 'options of acquire are 5; expected an object'],
    [{ signal: {} }, 'pool option signal is an object; expected an AbortSignal'],
    [{ signal: null }, 'pool option signal is null; expected an AbortSignal'],
    [{ signal: 'stop' }, 'pool option signal is "stop"; expected an AbortSignal'],
  ])('of acquire(%j) is refused where it would have to wait', async (options, said) => {
    const pool = await poolOfOne(true);
    expect(await refusalOf(pool.acquire(options as AcquireOptions))).toBe(said);
    expect(pool.stats().waiting).toBe(0);
  });

  it.each([true, false])('of tryAcquire is refused and loses nothing, also when all are taken: %s', async (isTaken) => {
    const pool = await poolOfOne(isTaken);
    for (const [options, said] of [
      [null, 'options of tryAcquire are null; expected an object'],
      [{ allowedMs: Number.NaN }, 'pool option allowedMs is NaN; expected a number from 0 to 2147483647'],
    ] as const) {
      const attempt = (): unknown => pool.tryAcquire(options as unknown as AcquireOptions);
      expect(attempt).toThrow(expect.objectContaining({ code: 'CONFIG', message: said }));
    }
    expect(pool.stats()).toMatchObject({ idle: isTaken ? 0 : 1, leased: isTaken ? 1 : 0 });
  });

  it.each([
    [null, 'options of resize are null; expected an object'],
    [undefined, 'options of resize are undefined; expected an object'],
    [{ sise: 3 }, 'pool option sise does not exist; did you mean size?'],
    [{ size: 3, max_overflow: 1 }, 'pool option max_overflow does not exist; did you mean maxOverflow?'],
  ])('of resize(%j) is refused, and the old limits stand', async (limits, said) => {
    const pool = await poolOfOne(false);
    expect(await refusalOf(pool.resize(limits as unknown as Resize))).toBe(said);
    expect(pool.stats()).toMatchObject({ size: 1, maxOverflow: 0 });
  });

  it('of close(null) closes with the usual patience, for it never rejects', async () => {
    const { pool, clock } = scene();
    await pool.acquire();
    const closed = watch(pool.close(null as unknown as undefined));
    await clock.advance(4_999);
    expect(closed.state).toBe('pending');
    await clock.advance(1);
    expect(closed.value.forced).toHaveLength(1);
  });
});
