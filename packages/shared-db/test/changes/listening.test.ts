import { AsyncLocalStorage } from 'node:async_hooks';
import { copyFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite, type DatabaseChange, type SqliteDatabase } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { companion } from '../support/companion.ts';
import { passUntilSettled } from '../support/fake-database.ts';
import { outcomeOf, rejectionOf } from '../support/outcome.ts';
import { raiseFence } from '../support/raised-fence.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { itemsOf, shop } from '../support/shop.ts';

/** A busy machine is no reason to fail. */
const PATIENT = { timeout: 20_000, interval: 20 };
const COMMIT: DatabaseChange = { database: 'test', cause: 'commit' };

const save = (database: SqliteDatabase): Promise<unknown> =>
  database.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', crypto.randomUUID()));

/** How many connections of this process have the log open. SQLite itself keeps descriptors of the file for the next one. */
function connectionsTo(path: string): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => outcomeOf(() => readlinkSync(`/proc/self/fd/${fd}`)));
  return targets.filter((target) => target === `${path}-wal`).length;
}

describe('who listens to changes of a database', () => {
  it('is told of a commit of its own process within milliseconds, and never inside it', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const told: DatabaseChange[] = [];
    using _stop = database.onChange((change) => told.push(change));
    await clock.advance(1_050);
    expect(told).toEqual([]);
    for (const commit of [
      () => save(database),
      () => database.transaction('save', (tx) => tx.run('DELETE FROM item')),
      () =>
        database.session('save', (session) => session.transaction((tx) => tx.run('INSERT INTO item DEFAULT VALUES'))),
    ]) {
      await commit();
      expect(told).toEqual([]);
      await clock.advance(1);
      expect(told.splice(0)).toEqual([COMMIT]);
      await clock.advance(1_000);
      expect(told).toEqual([]);
    }
  });

  it('is told of a thousand commits with a call every 20 ms, the last of them after the last', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const seen: unknown[] = [];
    const count = (): unknown => database.readSync('count', (c) => c.get('SELECT count(*) AS n FROM item')?.['n']);
    using _stop = database.onChange(() => seen.push(count()));
    await clock.advance(100);
    for (let n = 0; n < 100; n++) {
      await Promise.all(Array.from({ length: 10 }, () => save(database)));
      await clock.advance(1);
    }
    await clock.advance(20);
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.length).toBeLessThanOrEqual(120 / 20 + 1);
    expect(seen.at(-1)).toBe(1_000);
  });

  it('is not told of what has changed nothing', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const told: DatabaseChange[] = [];
    using _stop = database.onChange((change) => told.push(change));
    await database.write('look', (tx) => tx.get('SELECT * FROM item'));
    await database.write('change none', (tx) => tx.run('DELETE FROM item'));
    await database
      .write('fail', (tx) => {
        tx.run('INSERT INTO item DEFAULT VALUES');
        throw new Error('mine');
      })
      .catch(() => undefined);
    await clock.advance(1_000);
    expect(told).toEqual([]);
  });

  it('is told of a commit of another process at the next look, which is within 100 ms; there, nobody stays alive for it', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const told: DatabaseChange[] = [];
    using _stop = temporary.database.onChange((change) => told.push(change));
    await using other = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0], durability: 'normal' }) };
       const service = await openDatabaseService({ app: 'other', presence: false, databases });
       const orders = service.database('orders');
       say('open');
       for (let line; (line = await hear()) !== 'listen'; ) {
         await orders.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', line));
         say('saved');
       }
       orders.onChange(() => say('told'));
       say('listening');
       await hear();
       goDeaf();`,
      temporary.path,
    );
    expect(await other.hear()).toBe('open');
    await clock.advance(1_000);
    expect(told).toEqual([]);
    for (const name of ['a', 'b', 'c']) {
      other.say(name);
      expect(await other.hear()).toBe('saved');
      await clock.advance(100);
      expect(told.splice(0)).toEqual([COMMIT]);
    }
    other.say('listen');
    expect(await other.hear()).toBe('listening');
    await save(temporary.database);
    expect(await other.hear()).toBe('told');
    other.say('be quiet');
    expect(await other.end()).toEqual({ code: 0, stderr: '' });
  });

  it('is called in its own async context, also where another one writes', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const context = new AsyncLocalStorage<string>();
    const contexts: unknown[] = [];
    using _stop = context.run('who listens', () => database.onChange(() => contexts.push(context.getStore())));
    await context.run('who writes', () => save(database));
    await clock.advance(100);
    expect(contexts).toEqual(['who listens']);
  });

  it('may fail: that is logged, and neither who writes nor who else listens hears of it', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    const { database } = temporary;
    let told = 0;
    using _one = database.onChange(() => {
      throw new Error('thrown');
    });
    using _other = database.onChange(() => Promise.reject(new Error('rejected')));
    using _last = database.onChange(() => told++);
    for (let n = 1; n <= 2; n++) {
      expect(await save(database)).toMatchObject({ changes: 1 });
      await clock.advance(100);
      expect(told).toBe(n);
    }
    const failures = logger.lines.filter(({ level }) => level === 'error');
    expect(failures.map(({ message, fields }) => [message, String(fields['err'])])).toEqual(
      ['thrown', 'rejected', 'thrown', 'rejected'].map((what) => ['a listener to changes failed', `Error: ${what}`]),
    );
  });

  it('is not called again before its promise has settled, and then once for all that was committed meanwhile', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const done = Promise.withResolvers<undefined>();
    let calls = 0;
    using _stop = database.onChange(() => {
      calls++;
      return done.promise;
    });
    for (let n = 0; n < 5; n++) {
      await save(database);
      await clock.advance(200);
    }
    expect(calls).toBe(1);
    done.resolve(undefined);
    await clock.advance(100);
    expect(calls).toBe(2);
    await clock.advance(1_000);
    expect(calls).toBe(2);
  });

  it('is called no more after it was stopped, its scope has ended, its signal aborted, or the database was closed', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database, path, service } = temporary;
    await save(database);
    const before = connectionsTo(path);
    const told: string[] = [];
    const abort = new AbortController();
    const stop = database.onChange(() => told.push('stopped'));
    database.onChange(() => told.push('aborted'), { signal: abort.signal });
    database.onChange(() => told.push('never'), { signal: AbortSignal.abort() });
    {
      using _stop = database.onChange(() => told.push('scope'));
      await save(database);
      await clock.advance(100);
      expect(told.splice(0)).toEqual(['stopped', 'aborted', 'scope']);
      expect(connectionsTo(path)).toBe(before + 1);
      // They have been heard of, and not been told yet.
      await save(database);
      stop();
      stop();
      abort.abort();
    }
    expect(connectionsTo(path)).toBe(before);
    await clock.advance(1_000);
    database.onChange(() => told.push('closed'));
    await save(database);
    await passUntilSettled(clock, service.close());
    expect(told).toEqual([]);
    expect(connectionsTo(path)).toBe(0);
    expect(outcomeOf(() => database.onChange(() => undefined))).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
  });

  it('is told when a database that could not be opened can be, and of what is committed from then on', async () => {
    const clock = new VirtualClock();
    using directory = temporaryDirectory();
    await using sound = await shop();
    await sound.service.close();
    const path = directory.file('orders.db');
    writeFileSync(path, 'no database at all, and long enough to be sure of it'.repeat(20));
    const databases = { orders: sqlite({ path, durability: 'normal' }) };
    const opening = openDatabaseService({ app: 'test', presence: false, databases, clock });
    await passUntilSettled(clock, opening);
    const service = await opening;
    const orders = service.database('orders');
    const causes: string[] = [];
    using _stop = orders.onChange(({ cause }) => causes.push(cause));
    await clock.advance(3_000);
    expect(causes).toEqual([]);
    copyFileSync(sound.path, path);
    // It is tried once a second, verified first, by a process that has its own time, and seen by the look after that.
    const told = async (): Promise<readonly string[]> => {
      await clock.advance(100);
      return causes;
    };
    await expect.poll(told, { timeout: 20_000, interval: 20 }).toEqual(['unseen']);
    causes.length = 0;
    await save(orders);
    await clock.advance(100);
    expect(causes).toEqual(['commit']);
    await passUntilSettled(clock, service.close());
  });

  it('is told when it was fenced and is verified, and of what is committed from then on', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path });
    const { database, path } = temporary;
    const seen: unknown[] = [];
    using _stop = database.onChange(({ cause }) => seen.push({ cause, items: itemsOf(database).length }));
    raiseFence(path, meeting.path);
    expect(await rejectionOf(save(database))).toMatchObject({ code: 'HIVEDB_E_FENCED' });
    await expect.poll(() => database.snapshot().status, PATIENT).toBe('open');
    // What the verification itself does to the log may be told as well.
    await expect.poll(() => seen[0], PATIENT).toEqual({ cause: 'unseen', items: 0 });
    await save(database);
    await expect.poll(() => seen.at(-1), PATIENT).toEqual({ cause: 'commit', items: 1 });
  });

  it('is told at once what is wrong with how it wants to listen', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const onChange = database.onChange.bind(database) as (...all: readonly unknown[]) => unknown;
    const listen = (...given: readonly unknown[]): unknown => outcomeOf(() => onChange(...given));
    expect(listen()).toMatchObject({ code: 'HIVEDB_E_WRONG_USE', database: 'test' });
    expect(String(listen('often'))).toContain('onChange() was given "often"; expected a function');
    expect(String(listen(() => undefined, { singal: undefined }))).toContain('no option singal');
    expect(String(listen(() => undefined, { signal: 1 }))).toContain('the option signal is 1; expected an AbortSignal');
    expect(String(listen(() => undefined, { initially: 1 }))).toContain('the option initially is 1; expected true or');
    const inside = await database.write('listen', () => listen(() => undefined));
    expect(inside).toMatchObject({ code: 'HIVEDB_E_WRONG_USE' });
  });
});
