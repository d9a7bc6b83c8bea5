import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { SyncConnection, SyncTransaction } from '@hive/shared-db';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';
import { itemsOf, shop } from './support/shop.ts';

const insert = (tx: SyncConnection, name: string): unknown => tx.run('INSERT INTO item (name) VALUES (?)', name);

describe('a write', () => {
  it('gives what its function returns, after it has become visible to everybody', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const changes = await database.write(
      'save',
      (tx) => tx.run('INSERT INTO item (name) VALUES (?), (?)', 'a', 'b').changes,
    );
    expect(changes).toBe(2);
    expect(itemsOf(database)).toEqual(['a', 'b']);
    expect(await database.read('count', (c) => c.get('SELECT count(*) AS n FROM item'))).toEqual({ n: 2 });
  });

  it('is all or nothing', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const attempt = database.write('save', (tx) => {
      insert(tx, 'a');
      insert(tx, 'b');
      insert(tx, 'a');
    });
    await expect(attempt).rejects.toMatchObject({ code: 'HIVEDB_E_CONSTRAINT', database: 'test', label: 'save' });
    expect(itemsOf(database)).toEqual([]);
    expect(temporary.service.snapshot().databases[0]?.counters).toMatchObject({ rolledBack: 1 });
  });

  it('passes on what its function throws, whatever it is', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    for (const thrown of [
      new TypeError('mine'),
      new RangeError('mine'),
      'a text',
      undefined,
      { code: 'SQLITE_BUSY' },
    ]) {
      const attempt = database.write('save', (tx) => {
        insert(tx, 'a');
        throw thrown;
      });
      await expect(attempt.catch((error: unknown) => [error])).resolves.toEqual([thrown]);
    }
    expect(itemsOf(database)).toEqual([]);
  });

  it('does not take an asynchronous function, and undoes what it has done so far', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const attempt = database.write('save', async (tx) => {
      insert(tx, 'a');
      await Promise.resolve();
      insert(tx, 'b');
    });
    await expect(attempt).rejects.toMatchObject({
      code: 'HIVEDB_E_WRONG_USE',
      message: expect.stringContaining('returned a promise') as string,
    });
    expect(itemsOf(database)).toEqual([]);
  });

  it('waits for its turn behind a transaction, and those that wait are done in order', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const gate = Promise.withResolvers<undefined>();
    const transaction = database.transaction('slow', async (tx) => {
      await tx.run("INSERT INTO item (name) VALUES ('slow')");
      await gate.promise;
    });
    const writes = ['a', 'b', 'c'].map((name) => database.write('fast', (tx) => insert(tx, name)));
    expect(itemsOf(database)).toEqual([]);
    gate.resolve(undefined);
    await Promise.all([transaction, ...writes]);
    expect(itemsOf(database)).toEqual(['slow', 'a', 'b', 'c']);
  });

  it('runs and settles in the asynchronous context of its caller', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const context = new AsyncLocalStorage<string>();
    const seen: [where: string, caller: string, context: string | undefined][] = [];
    const gate = Promise.withResolvers<undefined>();
    const transaction = database.transaction('slow', () => gate.promise);
    const writes = ['a', 'b'].map((name) =>
      context.run(name, async () => {
        await database.write('save', (tx) => {
          seen.push(['inside', name, context.getStore()]);
          tx.afterCommit(() => seen.push(['committed', name, context.getStore()]));
        });
        seen.push(['after', name, context.getStore()]);
      }),
    );
    await context.run('another', () => {
      gate.resolve(undefined);
      return Promise.all([transaction, ...writes]);
    });
    expect(seen.filter(([, name, store]) => name !== store)).toEqual([]);
    expect(seen).toHaveLength(6);
  });

  it('is settled by its COMMIT and not before', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    // A deferred foreign key is checked by COMMIT alone.
    const attempt = database.write('orphan', (tx) => tx.run('INSERT INTO part (item) VALUES (42)').changes);
    await expect(attempt).rejects.toMatchObject({ code: 'HIVEDB_E_CONSTRAINT', label: 'orphan' });
    expect(database.readSync('parts', (c) => c.all('SELECT * FROM part'))).toEqual([]);
    await database.write('innocent', (tx) => insert(tx, 'a'));
    expect(itemsOf(database)).toEqual(['a']);
  });

  it('writes nothing when a statement ended its transaction, though the error of that was swallowed', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const enders: readonly ((tx: SyncTransaction) => unknown)[] = [
      (tx) => tx.run('INSERT INTO guarded VALUES (-1)'),
      (tx) => {
        tx.exec('INSERT INTO guarded VALUES (-1)');
      },
      (tx) => tx.all("INSERT OR ROLLBACK INTO item (name) VALUES ('twice') RETURNING id"),
      (tx) => tx.get("INSERT OR ROLLBACK INTO item (name) VALUES ('twice') RETURNING id"),
      (tx) => [...tx.iterate("INSERT OR ROLLBACK INTO item (name) VALUES ('twice') RETURNING id")],
      (tx) => tx.transaction((part) => part.run('INSERT INTO guarded VALUES (-1)')),
      (tx) => {
        tx.transaction((part) => {
          outcomeOf(() => part.run('INSERT INTO guarded VALUES (-1)'));
          outcomeOf(() => insert(part, 'in the part'));
        });
      },
      // With the handles of either beside those of the other.
      (tx) => {
        tx.transaction((part) => {
          outcomeOf(() => part.run('INSERT INTO guarded VALUES (-1)'));
          outcomeOf(() => insert(tx, 'beside the part'));
        });
      },
      (tx) => {
        tx.transaction((part) => {
          outcomeOf(() => tx.run('INSERT INTO guarded VALUES (-1)'));
          outcomeOf(() => insert(part, 'in the part'));
          outcomeOf(() => part.transaction((inner) => insert(inner, 'in a part of it')));
        });
      },
    ];
    for (const end of enders) {
      const after: unknown[] = [];
      const write = database.write('swallowing', (tx) => {
        insert(tx, 'before');
        outcomeOf(() => insert(tx, 'twice'));
        outcomeOf(() => end(tx));
        after.push(
          outcomeOf(() => insert(tx, 'after')),
          outcomeOf(() => tx.transaction((part) => insert(part, 'after'))),
        );
      });
      await expect(write).rejects.toMatchObject({
        code: 'HIVEDB_E_SQL',
        message: expect.stringContaining('a statement ended the transaction; nothing of it was written') as string,
      });
      expect(after).toEqual([
        expect.objectContaining({ code: 'HIVEDB_E_SQL' }),
        expect.objectContaining({ code: 'HIVEDB_E_SQL' }),
      ]);
      expect(itemsOf(database)).toEqual([]);
    }
  });

  it('leaves the way free for the next one, however it ended', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const failing = [
      database.write('throws', () => {
        throw new Error('mine');
      }),
      database.write('breaks a rule', (tx) => insert(tx, 'x') ?? insert(tx, 'x')),
      database.write('ends it', (tx) => outcomeOf(() => tx.run('INSERT INTO guarded VALUES (-1)'))),
      database.write('orphan', (tx) => tx.run('INSERT INTO part (item) VALUES (42)')),
    ];
    const innocent = database.write('innocent', (tx) => insert(tx, 'a'));
    await Promise.allSettled(failing);
    await innocent;
    expect(itemsOf(database)).toContain('a');
    expect(temporary.service.snapshot().databases[0]?.lane).toMatchObject({ waiting: 0, running: 0 });
  });

  it('refuses a part while rows are being read, and goes on', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.write('go on', (tx) => {
      insert(tx, 'a');
      for (const row of tx.iterate('SELECT name FROM item')) {
        expect(row).toEqual({ name: 'a' });
        expect(outcomeOf(() => tx.transaction((part) => insert(part, 'b')))).toMatchObject({
          code: 'HIVEDB_E_WRONG_USE',
          label: 'go on',
        });
      }
      insert(tx, 'c');
    });
    expect(itemsOf(database)).toEqual(['a', 'c']);
  });

  it('undoes a part that throws in the middle of an iteration, and goes on', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.write('go on', (tx) => {
      insert(tx, 'a');
      const mine = new Error('enough');
      const part = outcomeOf(() =>
        tx.transaction((inner) => {
          insert(inner, 'b');
          inner.iterate('SELECT name FROM item').next();
          throw mine;
        }),
      );
      expect(part).toBe(mine);
      insert(tx, 'c');
    });
    expect(itemsOf(database)).toEqual(['a', 'c']);
  });

  it('does not go on when a statement of a part has ended the transaction, and the part has kept it to itself', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const write = database.write('go on', (tx) => {
      insert(tx, 'a');
      tx.transaction((inner) => outcomeOf(() => inner.run('INSERT INTO guarded VALUES (-1)')));
      insert(tx, 'b');
    });
    expect(await rejectionOf(write)).toMatchObject({
      code: 'HIVEDB_E_SQL',
      message: expect.stringContaining('a statement ended the transaction') as string,
    });
    expect(itemsOf(database)).toEqual([]);
  });

  it('closes the iterators that its function left open', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const { rows } = await database.write('leave one open', (tx) => {
      for (const name of ['a', 'b', 'c']) insert(tx, name);
      const left = tx.iterate('SELECT name FROM item ORDER BY id');
      expect(left.next().value).toEqual({ name: 'a' });
      return { rows: left };
    });
    expect(itemsOf(database)).toEqual(['a', 'b', 'c']);
    expect(() => rows.next()).toThrow('this handle was lent to a function that has returned');
    await database.write('go on', (tx) => insert(tx, 'd'));
    expect(itemsOf(database)).toHaveLength(4);
  });

  it('takes its handle back when its function has returned', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const kept: SyncTransaction[] = [];
    await database.write('keep the handles', (tx) => {
      kept.push(tx);
      tx.transaction((part) => kept.push(part));
      expect(() => kept[1]?.run('SELECT 1')).toThrow('has returned');
    });
    for (const tx of kept) {
      const stale = expect.objectContaining({ code: 'HIVEDB_E_LEASE_STALE' }) as Error;
      expect(() => tx.get('SELECT 1')).toThrow(stale);
      expect(() => tx.all('SELECT 1')).toThrow(stale);
      expect(() => tx.run('SELECT 1')).toThrow(stale);
      expect(() => tx.iterate('SELECT 1').next()).toThrow(stale);
      expect(() => {
        tx.exec('SELECT 1');
      }).toThrow(stale);
      expect(() => tx.transaction(() => 1)).toThrow(stale);
      expect(() => {
        tx.afterCommit(() => undefined);
      }).toThrow(stale);
    }
  });

  it('refuses calls of its own database from inside, which would not see what it has written', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    // Listened to inside: the commit may take longer than a rejection that nobody hears is forgiven.
    let inside: Promise<readonly unknown[]> = Promise.resolve([]);
    await database.write('outer', () => {
      inside = Promise.all([
        outcomeOf(() => database.readSync('inner', (c) => c.get('SELECT 1'))),
        rejectionOf(database.read('inner', (c) => c.get('SELECT 1'))),
        rejectionOf(database.write('inner', () => 1)),
        rejectionOf(database.transaction('inner', () => Promise.resolve())),
        rejectionOf(database.session('inner')),
      ]);
    });
    expect(await inside).toHaveLength(5);
    for (const reason of await inside)
      expect(reason).toMatchObject({
        code: 'HIVEDB_E_WRONG_USE',
        label: 'inner',
        message: expect.stringContaining('use tx') as string,
      });
  });

  it('may use another database inside', async () => {
    await using first = await shop();
    await using second = await shop();
    const seen = await first.database.write('outer', () =>
      second.database.readSync('inner', (c) => c.get('SELECT count(*) AS n FROM item')),
    );
    expect(seen).toEqual({ n: 0 });
  });

  it('does not begin when its caller has aborted, and says who waited in vain', async () => {
    await using temporary = await shop();
    let ran = false;
    const attempt = temporary.database.write('save', () => (ran = true), { signal: AbortSignal.abort() });
    await expect(attempt).rejects.toMatchObject({ code: 'HIVEDB_E_ABORTED', retryable: false, label: 'save' });
    expect(ran).toBe(false);
  });

  it.each([-1, Number.NaN, Infinity, '5', 2 ** 31])('refuses a time limit of %j', async (timeoutMs) => {
    await using temporary = await shop();
    const attempt = temporary.database.write('save', () => 1, { timeoutMs: timeoutMs as number });
    await expect(attempt).rejects.toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('timeoutMs is') as string,
    });
  });

  it('keeps foreign keys', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.write('fill', (tx) => insert(tx, 'a') && tx.run('INSERT INTO part (item) VALUES (1)'));
    await expect(database.write('delete', (tx) => tx.run('DELETE FROM item'))).rejects.toMatchObject({
      code: 'HIVEDB_E_CONSTRAINT',
      message: expect.stringContaining('FOREIGN KEY constraint failed') as string,
    });
  });
});

describe('a nested transaction', () => {
  it('is undone alone when its function throws', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.write('nested', (tx) => {
      insert(tx, 'outer');
      expect(
        tx.transaction((part) => {
          insert(part, 'kept');
          return outcomeOf(() =>
            part.transaction((inner) => {
              insert(inner, 'undone');
              throw new Error('mine');
            }),
          );
        }),
      ).toEqual(new Error('mine'));
      expect(
        outcomeOf(() => tx.transaction((part) => insert(part, 'undone, too') && insert(part, 'outer'))),
      ).toMatchObject({
        code: 'HIVEDB_E_CONSTRAINT',
        label: 'nested',
      });
      insert(tx, 'last');
    });
    expect(itemsOf(database)).toEqual(['outer', 'kept', 'last']);
  });

  it('does not take an asynchronous function', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.write('nested', (tx) => {
      const attempted = outcomeOf(() =>
        tx.transaction(async (part) => {
          insert(part, 'a');
          await Promise.resolve();
        }),
      );
      expect(attempted).toMatchObject({ code: 'HIVEDB_E_WRONG_USE' });
    });
    expect(itemsOf(database)).toEqual([]);
  });
});

describe('what is to be done after COMMIT', () => {
  it('is done once it is committed, in order, before the write settles', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const done: string[] = [];
    const note = (what: string) => (): void => {
      done.push(`${what} sees ${itemsOf(database).length}`);
    };
    const result = await database.write('save', (tx) => {
      tx.afterCommit(note('first'));
      tx.transaction((part) => {
        insert(part, 'a');
        part.afterCommit(note('second'));
      });
      outcomeOf(() =>
        tx.transaction((part) => {
          part.afterCommit(note('undone'));
          throw new Error('mine');
        }),
      );
      tx.afterCommit(note('third'));
      expect(done).toEqual([]);
      return [...done];
    });
    expect(result).toEqual([]);
    expect(done).toEqual(['first sees 1', 'second sees 1', 'third sees 1']);
  });

  it('is not done when nothing was committed', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const done: string[] = [];
    const attempts = [
      database.write('throws', (tx) => {
        tx.afterCommit(() => done.push('throws'));
        throw new Error('mine');
      }),
      database.write('orphan', (tx) => {
        tx.afterCommit(() => done.push('orphan'));
        tx.run('INSERT INTO part (item) VALUES (42)');
      }),
    ];
    await Promise.allSettled(attempts);
    expect(done).toEqual([]);
  });

  it('is logged when it throws, and neither undoes the write nor keeps others from being called', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ logger });
    const { database } = temporary;
    const done: string[] = [];
    const failure = new Error('mine');
    await database.write('save', (tx) => {
      insert(tx, 'a');
      tx.afterCommit(() => {
        throw failure;
      });
      tx.afterCommit(() => Promise.reject(failure) as unknown as undefined);
      tx.afterCommit(() => done.push('other'));
    });
    await Promise.resolve();
    expect(done).toEqual(['other']);
    expect(itemsOf(database)).toEqual(['a']);
    const line = { level: 'error', message: 'an afterCommit callback threw' };
    const fields = { database: 'test', label: 'save', err: failure };
    expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([
      { ...line, fields },
      { ...line, fields },
    ]);
  });

  it('may write again', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const again = Promise.withResolvers<unknown>();
    await database.write('save', (tx) => {
      insert(tx, 'a');
      tx.afterCommit(() => {
        again.resolve(database.write('again', (later) => insert(later, 'b')));
      });
    });
    await again.promise;
    expect(itemsOf(database)).toEqual(['a', 'b']);
  });
});
