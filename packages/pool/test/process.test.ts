import { describe, expect, it } from 'vitest';
import { runChild } from './support/child.ts';

describe('a process with a pool', () => {
  it('may exit while the pool is idle', async () => {
    const ending = await runChild(`
      import { createPool } from '@hive/pool';
      const pool = createPool({ create: async () => ({}), validate: () => true, minIdle: 2 });
      await pool.warm();
      (await pool.acquire()).release();
      console.log('done');
    `);
    expect(ending).toEqual({ code: 0, stdout: 'done\n', stderr: '' });
  });

  it('may exit while a lease is held or a resource is closing', async () => {
    const ending = await runChild(`
      import { createPool } from '@hive/pool';
      const pool = createPool({ create: () => ({}), destroy: () => new Promise(() => {}), destroyTimeoutMs: 60_000 });
      const lease = await pool.acquire();
      (await pool.acquire()).destroy();
      console.log('done', lease.active);
    `);
    expect(ending).toEqual({ code: 0, stdout: 'done true\n', stderr: '' });
  });

  it('stays while somebody waits for a resource, until the wait ends', async () => {
    const ending = await runChild(`
      import { createPool } from '@hive/pool';
      const pool = createPool({ create: () => ({}), size: 1, maxOverflow: 0, acquireTimeoutMs: 300 });
      const lease = await pool.acquire();
      const begin = performance.now();
      const error = await pool.acquire().catch((error) => error);
      console.log(error.code, performance.now() - begin >= 300, lease.active);
    `);
    expect(ending).toEqual({ code: 0, stdout: 'POOL_TIMEOUT true true\n', stderr: '' });
  });

  it('stays while somebody waits for a resource that is never opened', async () => {
    const ending = await runChild(`
      import { createPool } from '@hive/pool';
      const pool = createPool({ create: () => new Promise(() => {}), acquireTimeoutMs: 200 });
      console.log((await pool.acquire().catch((error) => error)).code);
    `);
    expect(ending).toEqual({ code: 0, stdout: 'POOL_TIMEOUT\n', stderr: '' });
  });

  it('may exit again when those who waited were served or have left', async () => {
    const ending = await runChild(`
      import { createPool } from '@hive/pool';
      const pool = createPool({ create: () => ({}), size: 1, maxOverflow: 0, acquireTimeoutMs: 60_000 });
      const lease = await pool.acquire();
      const controller = new AbortController();
      const served = pool.acquire();
      const left = pool.acquire({ signal: controller.signal }).catch((error) => console.log(error.code));
      controller.abort();
      lease.release();
      await Promise.all([served, left]);
    `);
    expect(ending).toEqual({ code: 0, stdout: 'ABORTED\n', stderr: '' });
  });

  it('stays until the pool is closed, also when a resource hangs that was closing before', async () => {
    const ending = await runChild(`
      import { createPool } from '@hive/pool';
      const pool = createPool({ create: () => ({}), destroy: () => new Promise(() => {}), destroyTimeoutMs: 400 });
      (await pool.acquire()).destroy();
      const report = await pool.close({ graceMs: 50 });
      console.log(JSON.stringify(report));
    `);
    expect(ending).toEqual({ code: 0, stdout: '{"forced":[],"abandoned":1}\n', stderr: '' });
  });

  it.each([
    ['warm', 'createPool({ create: () => new Promise(() => {}), createTimeoutMs: 300, minIdle: 1 })', 'pool.warm()'],
    [
      'flush',
      'createPool({ create: () => ({}), destroy: () => new Promise(() => {}), destroyTimeoutMs: 300 })',
      "pool.flush('idle')",
    ],
    [
      'resize',
      'createPool({ create: () => ({}), destroy: () => new Promise(() => {}), destroyTimeoutMs: 300, size: 2, maxOverflow: 0 })',
      'pool.resize({ size: 1 })',
    ],
  ])('stays until %s has its answer', async (name, pool, call) => {
    const ending = await runChild(`
      import { createPool } from '@hive/pool';
      const pool = ${pool};
      if ('${name}' !== 'warm') {
        const leases = [await pool.acquire(), await pool.acquire()];
        for (const lease of leases) lease.release();
      }
      await ${call}.catch((error) => console.log(error.code));
      console.log('done');
    `);
    expect(ending).toEqual({ code: 0, stdout: name === 'warm' ? 'CREATE_FAILED\ndone\n' : 'done\n', stderr: '' });
  });
});
