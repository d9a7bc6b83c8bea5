import { describe, expect, it } from 'vitest';
import type { Connection, Transaction } from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import { rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';
import { itemsOf, shop } from './support/shop.ts';

const insert = (tx: Connection, name: string): Promise<unknown> => tx.run('INSERT INTO item (name) VALUES (?)', name);

/** Ends the transaction and goes on as if nothing had happened. */
const end = (tx: Connection): Promise<unknown> => rejectionOf(tx.run('INSERT INTO guarded VALUES (-1)'));

/** A moment that a test lets come. */
function gate(): { readonly passed: Promise<undefined>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return {
    passed: promise,
    open: () => {
      resolve(undefined);
    },
  };
}

describe('a transaction', () => {
  it('may await, sees its own work, and is seen by others when it has been committed', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const result = await database.transaction('move', async (tx) => {
      await insert(tx, 'a');
      expect(await tx.all('SELECT name FROM item')).toEqual([{ name: 'a' }]);
      expect(itemsOf(database)).toEqual([]);
      await tx.exec("INSERT INTO item (name) VALUES ('b'); INSERT INTO item (name) VALUES ('c')");
      expect(await database.read('others', (c) => c.get('SELECT count(*) AS n FROM item'))).toEqual({ n: 0 });
      const seen: unknown[] = [];
      for await (const { name } of tx.iterate<{ name: string }>('SELECT name FROM item ORDER BY id')) seen.push(name);
      return seen;
    });
    expect(result).toEqual(['a', 'b', 'c']);
    expect(itemsOf(database)).toEqual(['a', 'b', 'c']);
  });

  it('has the lane to itself, in the order of the calls', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const middle = gate();
    const calls = [
      database.transaction('first', async (tx) => {
        await insert(tx, 'first');
        await middle.passed;
      }),
      database.write('second', (tx) => tx.run("INSERT INTO item (name) VALUES ('second')")),
      database.transaction('third', (tx) => insert(tx, 'third')),
    ];
    expect(itemsOf(database)).toEqual([]);
    expect(temporary.service.snapshot().databases[0]?.lane).toMatchObject({ running: 1, waiting: 2 });
    middle.open();
    await Promise.all(calls);
    expect(itemsOf(database)).toEqual(['first', 'second', 'third']);
  });

  it('says to those who wait too long who holds the lane, for how long and from where', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const middle = gate();
    const holder = database.transaction('nightly import', () => middle.passed);
    await clock.advance(10);
    const late = rejectionOf(database.write('save', () => 1, { timeoutMs: 300 }));
    await clock.advance(300);
    expect(await late).toMatchObject({
      code: 'HIVEDB_E_POOL_TIMEOUT',
      retryable: true,
      database: 'test',
      label: 'save',
      message: expect.stringContaining('held longest by nightly import for 0.3 s') as string,
      advice: expect.stringMatching(
        /^1\. hive-db why test .*; 2\. end "nightly import" sooner.*; 3\. .*#hivedb_e_pool_timeout\)$/u,
      ) as string,
      waiters: [],
      culprits: [
        {
          pid: process.pid,
          label: 'nightly import',
          heldMs: 310,
          callSite: expect.stringContaining('transactions.test') as string,
        },
      ],
    });
    middle.open();
    await holder;
  });

  it('can be given up by its caller while it waits, and its place goes to the next', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const middle = gate();
    const controller = new AbortController();
    const holder = database.transaction('holder', () => middle.passed);
    let ran = false;
    const given = database.transaction('given up', () => Promise.resolve((ran = true)), { signal: controller.signal });
    const next = database.transaction('next', (tx) => insert(tx, 'next'));
    controller.abort();
    expect(await rejectionOf(given)).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'given up' });
    middle.open();
    await Promise.all([holder, next]);
    expect(ran).toBe(false);
    expect(itemsOf(database)).toEqual(['next']);
  });

  it('writes nothing when a statement ended it, also of what was asked for beside that and had not run yet', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const besides: readonly ((tx: Transaction) => Promise<unknown>)[] = [
      (tx) => insert(tx, 'statement'),
      (tx) => tx.exec("INSERT INTO item (name) VALUES ('text')"),
      (tx) => tx.iterate("INSERT INTO item (name) VALUES ('row') RETURNING id").next(),
      (tx) => tx.transaction((part) => insert(part, 'part')),
    ];
    for (const beside of besides) {
      const transaction = database.transaction('both at once', async (tx) => {
        await insert(tx, 'before');
        await Promise.allSettled([end(tx), insert(tx, 'first'), beside(tx)]);
      });
      expect(await rejectionOf(transaction)).toMatchObject({
        code: 'HIVEDB_E_SQL',
        message: expect.stringContaining('a statement ended the transaction; nothing of it was written') as string,
      });
      expect(itemsOf(database)).toEqual([]);
    }
  });

  it('writes nothing when a statement ended it, though the error of that was swallowed', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const enders: readonly ((tx: Transaction) => Promise<unknown>)[] = [
      end,
      (tx) => rejectionOf(tx.transaction(end)),
      (tx) => rejectionOf(tx.transaction((part) => part.transaction(end))),
    ];
    for (const ender of enders) {
      const after: unknown[] = [];
      const attempt = database.transaction('swallowing', async (tx) => {
        await insert(tx, 'before');
        await ender(tx);
        after.push(await rejectionOf(insert(tx, 'after')), await rejectionOf(tx.transaction(() => Promise.resolve())));
      });
      const ended = { code: 'HIVEDB_E_SQL', database: 'test', label: 'swallowing' };
      expect(await rejectionOf(attempt)).toMatchObject(ended);
      expect(after).toMatchObject([ended, ended]);
      expect(itemsOf(database)).toEqual([]);
    }
  });

  it('is undone when its function returns before everything that it began has ended', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const careless: readonly ((tx: Transaction) => void)[] = [
      (tx) => {
        for (const name of ['a', 'b', 'c', 'd']) insert(tx, name).catch(() => undefined);
      },
      (tx) => {
        tx.transaction((part) => insert(part, 'nested')).catch(() => undefined);
      },
    ];
    for (const fn of careless) {
      const attempt = database.transaction('careless', async (tx) => {
        await insert(tx, 'awaited');
        fn(tx);
      });
      expect(await rejectionOf(attempt)).toMatchObject({
        code: 'HIVEDB_E_WRONG_USE',
        label: 'careless',
        message: expect.stringContaining('await every statement') as string,
      });
      expect(itemsOf(database)).toEqual([]);
    }
    await database.write('go on', (tx) => tx.run("INSERT INTO item (name) VALUES ('later')"));
    expect(itemsOf(database)).toEqual(['later']);
  });

  it('takes its handle back when it has ended', async () => {
    await using temporary = await shop();
    const kept: Transaction[] = [];
    await temporary.database.transaction('keep it', async (tx) => {
      kept.push(tx);
      await tx.transaction(async (part) => {
        kept.push(part);
        await part.get('SELECT 1');
      });
      expect(await rejectionOf(kept[1]?.get('SELECT 1') ?? Promise.resolve())).toMatchObject({
        code: 'HIVEDB_E_LEASE_STALE',
      });
    });
    for (const tx of kept) {
      const uses = [
        tx.all('SELECT 1'),
        tx.get('SELECT 1'),
        tx.run('SELECT 1'),
        tx.exec('SELECT 1'),
        tx.iterate('SELECT 1').next(),
        tx.transaction(() => Promise.resolve()),
      ];
      for (const use of uses)
        expect(await rejectionOf(use)).toMatchObject({
          code: 'HIVEDB_E_LEASE_STALE',
          database: 'test',
          label: 'keep it',
        });
      expect(() => {
        tx.afterCommit(() => undefined);
      }).toThrow(expect.objectContaining({ code: 'HIVEDB_E_LEASE_STALE' }) as Error);
    }
  });
});

describe('rollback on error: a transaction', () => {
  it('is undone when its function rejects, with what it rejects with', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const mine = new TypeError('mine');
    const attempt = database.transaction('move', async (tx) => {
      await insert(tx, 'a');
      throw mine;
    });
    expect(await rejectionOf(attempt)).toBe(mine);
    expect(itemsOf(database)).toEqual([]);
    expect(temporary.service.snapshot().databases[0]?.counters).toMatchObject({ transactions: 1, rolledBack: 1 });
  });

  it('is undone when its function throws at once', async () => {
    await using temporary = await shop();
    const mine = new Error('mine');
    const attempt = temporary.database.transaction('move', () => {
      throw mine;
    });
    expect(await rejectionOf(attempt)).toBe(mine);
    await temporary.database.write('go on', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
  });
});

describe('a transaction that is too slow', () => {
  it('is rolled back and revoked at its limit, and the lane goes to the next', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const late: unknown[] = [];
    const attempt = rejectionOf(
      database.transaction('slow', async (tx) => {
        for (;;) {
          await insert(tx, `at ${clock.now()}`).catch((error: unknown) => {
            late.push(error);
            throw error;
          });
          await new Promise<void>((resolve) => void clock.after(900, resolve));
        }
      }),
    );
    const next = database.write('next', (tx) => tx.run("INSERT INTO item (name) VALUES ('next')"));
    await clock.advance(4_999);
    expect(temporary.service.snapshot().databases[0]?.lane).toMatchObject({ running: 1, waiting: 1 });
    await clock.advance(1);
    const expired = {
      code: 'HIVEDB_E_TRANSACTION_EXPIRED',
      retryable: false,
      label: 'slow',
      message: expect.stringContaining('took longer than its limit of 5000 ms; it has been rolled back') as string,
    };
    expect(await attempt).toMatchObject(expired);
    await next;
    expect(itemsOf(database)).toEqual(['next']);
    await clock.advance(900);
    expect(late).toMatchObject([expired]);
    expect(clock.aliveTimers).toBe(0);
  });

  it('is rolled back and revoked when it has run no statement for its idle limit', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const asleep = gate();
    const attempt = rejectionOf(
      database.transaction('thinking', async (tx) => {
        await insert(tx, 'a');
        await new Promise<void>((resolve) => void clock.after(999, resolve));
        await insert(tx, 'b');
        await tx.transaction(async (part) => {
          await insert(part, 'c');
          await asleep.passed;
        });
      }),
    );
    await clock.advance(1_998);
    expect(temporary.service.snapshot().databases[0]?.lane).toMatchObject({ running: 1 });
    await clock.advance(1);
    expect(await attempt).toMatchObject({
      code: 'HIVEDB_E_TRANSACTION_EXPIRED',
      message: expect.stringContaining('ran no statement for 1000 ms while it held the right to write') as string,
    });
    await database.write('next', (tx) => tx.run("INSERT INTO item (name) VALUES ('next')"));
    expect(itemsOf(database)).toEqual(['next']);
  });

  it('cannot do anything any more, on none of its handles, though its function goes on', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const asleep = gate();
    const afterwards = Promise.withResolvers<readonly unknown[]>();
    const attempt = rejectionOf(
      database.transaction('sleeping', (tx) =>
        tx.transaction(async (part) => {
          await asleep.passed;
          const uses = [insert(part, 'a'), insert(tx, 'b'), part.transaction(() => Promise.resolve())];
          afterwards.resolve(await Promise.all(uses.map(rejectionOf)));
        }),
      ),
    );
    await clock.advance(1_000);
    const expired = { code: 'HIVEDB_E_TRANSACTION_EXPIRED' };
    expect(await attempt).toMatchObject(expired);
    const next = database.transaction('next', async (tx) => {
      await insert(tx, 'next');
      asleep.open();
      await afterwards.promise;
    });
    expect(await afterwards.promise).toMatchObject([expired, expired, expired]);
    await next;
    expect(itemsOf(database)).toEqual(['next']);
  });

  it('may be given other limits', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const patient = database.transaction(
      'patient',
      () => new Promise<void>((resolve) => void clock.after(7_000, resolve)),
      {
        limitMs: 8_000,
        idleLimitMs: 8_000,
      },
    );
    await clock.advance(7_000);
    await patient;
    const hasty = rejectionOf(database.transaction('hasty', () => new Promise(() => {}), { limitMs: 50 }));
    await clock.advance(50);
    expect(await hasty).toMatchObject({ code: 'HIVEDB_E_TRANSACTION_EXPIRED' });
    for (const option of ['limitMs', 'idleLimitMs', 'timeoutMs'])
      expect(await rejectionOf(database.transaction('wrong', () => Promise.resolve(), { [option]: -1 }))).toMatchObject(
        {
          code: 'HIVEDB_E_CONFIG',
          message: expect.stringContaining(`${option} is -1`) as string,
        },
      );
  });

  it('keeps its process alive until the lock is let go', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const stuck = rejectionOf(temporary.database.transaction('stuck', () => new Promise(() => {})));
    await clock.settle();
    expect(clock.aliveTimers).toBe(1);
    await clock.advance(1_000);
    await stuck;
    expect(clock.aliveTimers).toBe(0);
  });
});

describe('a nested transaction', () => {
  it('is undone alone when its function rejects', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const mine = new Error('mine');
    await database.transaction('nested', async (tx) => {
      await insert(tx, 'outer');
      await tx.transaction(async (part) => {
        await insert(part, 'kept');
        const undone = part.transaction(async (inner) => {
          await insert(inner, 'undone');
          throw mine;
        });
        expect(await rejectionOf(undone)).toBe(mine);
      });
      const broken = tx.transaction(async (part) => {
        await insert(part, 'undone, too');
        await insert(part, 'outer');
      });
      expect(await rejectionOf(broken)).toMatchObject({ code: 'HIVEDB_E_CONSTRAINT' });
      await insert(tx, 'last');
    });
    expect(itemsOf(database)).toEqual(['outer', 'kept', 'last']);
  });

  it('is the only way to write until it has ended', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.transaction('nested', async (tx) => {
      await tx.transaction(async (part) => {
        expect(await rejectionOf(insert(tx, 'outer'))).toMatchObject({ code: 'HIVEDB_E_WRONG_USE', label: 'nested' });
        expect(() => {
          tx.afterCommit(() => undefined);
        }).toThrow('a nested transaction is open on this handle');
        await insert(part, 'inner');
      });
      await insert(tx, 'outer');
    });
    expect(itemsOf(database)).toEqual(['inner', 'outer']);
  });

  it('is one at a time, so that undoing one leaves the other alone', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.transaction('side by side', async (tx) => {
      const first = tx.transaction(async (part) => {
        await insert(part, 'first');
        throw new Error('mine');
      });
      const second = tx.transaction((part) => insert(part, 'second'));
      expect(await rejectionOf(second)).toMatchObject({ code: 'HIVEDB_E_WRONG_USE' });
      expect(await rejectionOf(first)).toEqual(new Error('mine'));
      await tx.transaction((part) => insert(part, 'third'));
    });
    expect(itemsOf(database)).toEqual(['third']);
  });
});

describe('what is to be done after the COMMIT of a transaction', () => {
  it('is done in order, without what was undone', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ logger });
    const { database } = temporary;
    const done: unknown[] = [];
    const note = (what: string) => (): void => {
      done.push(what, itemsOf(database).length);
    };
    await database.transaction('save', async (tx) => {
      tx.afterCommit(note('first'));
      await tx.transaction(async (part) => {
        part.afterCommit(note('second'));
        await insert(part, 'a');
      });
      const undone = tx.transaction((part) => {
        part.afterCommit(note('undone'));
        return Promise.reject(new Error('mine'));
      });
      await rejectionOf(undone);
      tx.afterCommit(() => {
        throw new Error('thrown');
      });
      tx.afterCommit(note('third'));
      expect(done).toEqual([]);
    });
    expect(done).toEqual(['first', 1, 'second', 1, 'third', 1]);
    expect(logger.said('error')).toEqual(['an afterCommit callback threw']);
    const failing = database.transaction('fail', (tx) => {
      tx.afterCommit(note('failed'));
      return Promise.reject(new Error('mine'));
    });
    await rejectionOf(failing);
    expect(done).not.toContain('failed');
  });
});
