import { symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VirtualClock } from '@hive/pool/testing';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite, type DatabaseService, type SqliteDatabase } from '@hive/shared-db';
import { openDirect } from '@hive/shared-db/direct';
import { companion, type Companion } from './support/companion.ts';
import { rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';
import { itemsOf, SHOP, shop } from './support/shop.ts';
import { temporaryDirectory } from '@hive/shared-db/testing';

/** Another program, on another engine, that takes the write lock and lets go of it when it is told to. */
const HOLDER = `
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(args[0]);
  database.exec('BEGIN IMMEDIATE');
  database.exec("INSERT INTO item (name) VALUES ('the holder''s')");
  say('holding');
  await hear();
  database.exec('COMMIT');
  say('let go');
  goDeaf();
`;

/** The same with any statements. */
const ANY = `
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(args[0]);
  for (const sql of args.slice(1)) database.prepare(sql).all();
  say('holding');
  await hear();
  database.close();
  say('let go');
  goDeaf();
`;

/** On a busy machine a holder may not answer in the time that it is given to say who it is: then it is asked again. */
const PATIENT = { timeout: 15_000 };

const ITEMS = 'SELECT name FROM item';

/** Another process, which waits for the right to write to a file. */
async function importerWaitingFor(path: string, runtimeDirectory: string): Promise<Companion> {
  const importer = companion(
    `import { openDatabaseService, sqlite } from '@hive/shared-db';
     const databases = { orders: sqlite({ path: args[0], durability: 'normal', acquireTimeoutMs: 60_000 }) };
     const service = await openDatabaseService({ app: 'importer', runtimeDirectory: args[1], databases });
     const saved = service.database('orders').write('nightly import', () => 1);
     say('waiting');
     await saved;
     await service.close();
     goDeaf();`,
    path,
    runtimeDirectory,
  );
  expect(await importer.hear()).toBe('waiting');
  return importer;
}

async function holderOf(path: string): Promise<Companion> {
  const holder = companion(HOLDER, path);
  expect(await holder.hear()).toBe('holding');
  return holder;
}

/** Lets the event loop turn: timers and sockets are served, and a wait that blocked it would be noticed. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a write, while another process holds the lock', () => {
  it('waits without blocking the event loop, and is done when the lock is free', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using holder = await holderOf(temporary.path);
    const done: string[] = [];
    const writes = [
      database
        .write('first', (tx) => tx.run("INSERT INTO item (name) VALUES ('first')"))
        .then(() => done.push('first')),
      database
        .transaction('second', (tx) => tx.run("INSERT INTO item (name) VALUES ('second')"))
        .then(() => done.push('second')),
    ];
    await turns(100);
    expect(done).toEqual([]);
    expect(itemsOf(database)).toEqual([]);
    expect(await database.read('go on', (c) => c.all('SELECT * FROM item'))).toEqual([]);
    expect(temporary.service.snapshot().databases[0]).toMatchObject({
      lane: { running: 1, waiting: 1, writer: { label: 'first', lockedMs: undefined, changedMs: undefined } },
      counters: { busy: 1 },
    });
    holder.say('let go');
    await Promise.all(writes);
    expect(done).toEqual(['first', 'second']);
    expect(itemsOf(database)).toEqual(["the holder's", 'first', 'second']);
  });

  it.each(['running', 'stopped'])('ends in time with who holds it: a process that is %s', async (state) => {
    await using temporary = await shop();
    const { database } = temporary;
    await using holder = await holderOf(temporary.path);
    if (state === 'stopped') holder.signal('SIGSTOP');
    const uses = [
      database.write('save', () => 1, { timeoutMs: 50 }),
      database.transaction('save', () => Promise.resolve(), { timeoutMs: 150 }),
    ];
    for (const use of uses)
      expect(await rejectionOf(use)).toMatchObject({
        code: 'HIVEDB_E_BUSY_TIMEOUT',
        retryable: true,
        database: 'test',
        label: 'save',
        message: expect.stringContaining(`process ${holder.pid} (`) as string,
        culprits: [{ pid: holder.pid, command: expect.stringContaining('node') as string }],
      });
    await holder.kill();
    await database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('saved')"));
    expect(itemsOf(database)).toEqual(['saved']);
  });

  it('is told what the holder writes to this file, not to another of its files', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path });
    await using holder = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = {
         archive: sqlite({ path: args[2] + '/archive.db', durability: 'normal' }),
         orders: sqlite({ path: args[0], durability: 'normal' }),
       };
       const service = await openDatabaseService({ app: 'importer', runtimeDirectory: args[1], databases });
       const limits = { limitMs: 60_000, idleLimitMs: 60_000 };
       await service.database('archive').transaction('tidy up', () =>
         service.database('orders').transaction('nightly import', async () => {
           say('holding');
           await hear();
         }, limits), limits);
       await service.close();
       goDeaf();`,
      temporary.path,
      meeting.path,
      meeting.path,
    );
    expect(await holder.hear()).toBe('holding');
    const save = (): Promise<unknown> => rejectionOf(temporary.database.write('save', () => 1, { timeoutMs: 50 }));
    await expect.poll(save, PATIENT).toMatchObject({
      culprits: [{ pid: holder.pid, app: 'importer', label: 'nightly import' }],
    });
    holder.say('let go');
    expect(await holder.end()).toEqual({ code: 0, stderr: '' });
  });

  it('ends in time with what the holder says of itself: its app, and what it is writing since when', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path });
    await using holder = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0], durability: 'normal' }) };
       const service = await openDatabaseService({ app: 'importer', runtimeDirectory: args[1], databases });
       await service.database('orders').transaction('nightly import', async (tx) => {
         await tx.run('SELECT 1');
         say('holding');
         await hear();
       }, { limitMs: 60_000, idleLimitMs: 60_000 });
       await service.close();
       goDeaf();`,
      temporary.path,
      meeting.path,
    );
    expect(await holder.hear()).toBe('holding');
    const save = (): Promise<unknown> => rejectionOf(temporary.database.write('save', () => 1, { timeoutMs: 50 }));
    await expect.poll(save, PATIENT).toMatchObject({
      code: 'HIVEDB_E_BUSY_TIMEOUT',
      message: expect.stringContaining(`process ${holder.pid} (importer, "nightly import" for `) as string,
      advice: expect.stringMatching(
        /^1\. hive-db why test .*; 2\. .*; 3\. .* \(docs\/errors\.md#hivedb_e_busy_timeout\)$/u,
      ) as string,
      culprits: [
        {
          pid: holder.pid,
          app: 'importer',
          label: 'nightly import',
          heldMs: expect.any(Number) as number,
          callSite: expect.any(String) as string,
        },
      ],
    });
    // Who is stopped cannot say anything; the system knows what it is.
    holder.signal('SIGSTOP');
    const error = await save();
    expect(error).toMatchObject({
      culprits: [{ pid: holder.pid, command: expect.stringContaining('node') as string }],
    });
    expect(error).not.toMatchObject({ culprits: [{ app: 'importer' }] });
    holder.signal('SIGCONT');
    holder.say('let go');
    expect(await holder.end()).toEqual({ code: 0, stderr: '' });
    expect(await temporary.database.write('save', () => 1)).toBe(1);
  });

  it('ends in time with what the holder is doing, also while its main thread is stuck in that', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path });
    await using holder = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0], durability: 'normal' }) };
       const service = await openDatabaseService({ app: 'importer', runtimeDirectory: args[1], databases });
       const fill = (limit) => service.database('orders').write('nightly import', (tx) => {
         if (limit === undefined) say('holding');
         tx.get('WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n LIMIT ?) SELECT count(*) FROM n', limit ?? -1);
       });
       await fill(1);
       // Longer than a sentinel takes to look again: it has the call site by then.
       await new Promise((seen) => setTimeout(seen, 1_500));
       await fill();`,
      temporary.path,
      meeting.path,
    );
    expect(await holder.hear()).toBe('holding');
    const save = (): Promise<unknown> => rejectionOf(temporary.database.write('save', () => 1, { timeoutMs: 50 }));
    await expect.poll(save, PATIENT).toMatchObject({
      culprits: [
        {
          pid: holder.pid,
          app: 'importer',
          label: 'nightly import',
          heldMs: expect.toSatisfy((ms: number) => ms > 500) as number,
          callSite: expect.any(String) as string,
        },
      ],
    });
  });

  it('ends in time with what the holder is doing, by whichever path and beside whatever else it has the file', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path });
    symlinkSync(dirname(temporary.path), meeting.file('link'));
    await using holder = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const open = (app, path) =>
         openDatabaseService({ app, runtimeDirectory: args[1], databases: { orders: sqlite({ path, durability: 'normal' }) } });
       const others = [await open('before', args[1] + '/a.db')];
       const service = await open('importer', args[0]);
       others.push(await open('after', args[1] + '/b.db'));
       await service.database('orders').transaction('nightly import', async () => {
         say('holding');
         await hear();
       }, { limitMs: 60_000, idleLimitMs: 60_000 });`,
      join(meeting.file('link'), basename(temporary.path)),
      meeting.path,
    );
    expect(await holder.hear()).toBe('holding');
    const save = (): Promise<unknown> => rejectionOf(temporary.database.write('save', () => 1, { timeoutMs: 50 }));
    await expect.poll(save, PATIENT).toMatchObject({
      culprits: [{ pid: holder.pid, app: 'importer', label: 'nightly import' }],
    });
  });

  it('ends in time with who else waits for it, and longer', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path });
    const { database } = temporary;
    await using holder = await holderOf(temporary.path);
    await using other = await importerWaitingFor(temporary.path, meeting.path);
    const save = (): Promise<unknown> => rejectionOf(database.write('save', () => 1, { timeoutMs: 50 }));
    const waiter = { pid: other.pid, app: 'importer', label: 'nightly import', waitMs: expect.any(Number) as number };
    await expect.poll(save, PATIENT).toMatchObject({
      // The other is in line before it.
      code: 'HIVEDB_E_TURN_TIMEOUT',
      message: expect.stringContaining(`; process ${other.pid} (importer, "nightly import" for `) as string,
      culprits: [{ pid: holder.pid }],
      waiters: [waiter],
    });
    holder.say('let go');
    expect(await other.end()).toEqual({ code: 0, stderr: '' });
  });

  it('ends in its own time when it comes while others of its process are in line already', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path });
    const { database } = temporary;
    await using holder = await holderOf(temporary.path);
    await using other = await importerWaitingFor(temporary.path, meeting.path);
    const impatient = (): Promise<unknown> => rejectionOf(database.write('save', () => 1, { timeoutMs: 50 }));
    // From then on this process is behind the other.
    await expect.poll(impatient, PATIENT).toMatchObject({ code: 'HIVEDB_E_TURN_TIMEOUT' });
    // So is a transaction, which has the writer for itself.
    const moving = rejectionOf(database.transaction('move', (tx) => tx.get('SELECT 1'), { timeoutMs: 50 }));
    expect(await moving).toMatchObject({ code: 'HIVEDB_E_TURN_TIMEOUT', label: 'move' });
    const patient = database.write('patient', () => 2, { timeoutMs: 60_000 });
    await turns(100);
    expect(await impatient()).toMatchObject({ code: 'HIVEDB_E_TURN_TIMEOUT', waiters: [{ label: 'nightly import' }] });
    holder.say('let go');
    expect(await patient).toBe(2);
    expect(await other.end()).toEqual({ code: 0, stderr: '' });
  });

  it('ends without a word of those who came later', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop({ runtimeDirectory: meeting.path });
    await using holder = await holderOf(temporary.path);
    await using other = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0], durability: 'normal' }) };
       const service = await openDatabaseService({ app: 'importer', runtimeDirectory: args[1], databases });
       const saved = service.database('orders').write('nightly import', () => 1, { timeoutMs: 3_000 });
       say('waiting');
       const { culprits, waiters } = await saved.catch((error) => error);
       say(culprits.length + ' culprits, ' + waiters.length + ' before');
       await service.close();
       goDeaf();`,
      temporary.path,
      meeting.path,
    );
    expect(await other.hear()).toBe('waiting');
    const later = temporary.database.write('save', () => 1, { timeoutMs: 60_000 });
    expect(await other.hear()).toBe('1 culprits, 0 before');
    holder.say('let go');
    expect(await later).toBe(1);
    expect(await other.end()).toEqual({ code: 0, stderr: '' });
  });

  it('is said in the log once when it has lasted a second, with who is in the way', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    await using holder = await holderOf(temporary.path);
    const warnings = (): readonly string[] => logger.said('warn').filter((line) => line.includes('for the write lock'));
    const saved = temporary.database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('saved')"));
    await clock.advance(990);
    expect(warnings()).toEqual([]);
    await clock.advance(3_000);
    expect(warnings()).toEqual([
      expect.stringMatching(
        new RegExp(
          `^"save" has waited 10\\d\\d ms for the write lock: process ${holder.pid} \\(.*\\) holds it; 1\\. hive-db why test .*; 2\\. .*; 3\\. .* \\(docs/errors\\.md#hivedb_e_busy_timeout\\)$`,
          'u',
        ),
      ),
    ]);
    expect(logger.lines.find(({ message }) => warnings().includes(message))?.fields).toMatchObject({
      database: 'test',
      label: 'save',
      culprits: [{ pid: holder.pid }],
      waiters: [],
      documentation: 'docs/errors.md#hivedb_e_busy_timeout',
    });
    holder.say('let go');
    expect(await holder.hear()).toBe('let go');
    await clock.advance(10);
    await saved;
  });

  it('can be given up by its caller, and its function is never run', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using holder = await holderOf(temporary.path);
    let runs = 0;
    const controller = new AbortController();
    const { signal } = controller;
    const uses = [
      rejectionOf(database.write('given up', () => runs++, { signal })),
      rejectionOf(database.transaction('given up', () => Promise.resolve(runs++), { signal })),
    ];
    await turns(20);
    controller.abort();
    for (const use of uses)
      expect(await use).toMatchObject({ code: 'HIVEDB_E_ABORTED', retryable: false, label: 'given up' });
    holder.say('let go');
    await database.write('next', (tx) => tx.run("INSERT INTO item (name) VALUES ('next')"));
    expect(runs).toBe(0);
  });

  it('keeps its process alive when it is all that is left to do', async () => {
    await using temporary = await shop();
    await using holder = await holderOf(temporary.path);
    await using script = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0], durability: 'normal' }) };
       const service = await openDatabaseService({ app: 'script', presence: false, databases });
       service.database('orders').write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('written')")).then(() => say('written'));
       // Neither keeps it alive; when it is still there a moment later, something else does.
       setTimeout(() => say('still here'), 200).unref();
       goDeaf();`,
      temporary.path,
    );
    expect(await script.hear()).toBe('still here');
    holder.say('let go');
    expect(await script.hear()).toBe('written');
    expect(await script.end()).toMatchObject({ code: 0 });
    expect(itemsOf(temporary.database)).toEqual(["the holder's", 'written']);
  });
});

describe('whatever needs a connection that has yet to be opened', () => {
  it.each<readonly [string, (database: SqliteDatabase) => Promise<unknown>]>([
    ['a read', (database) => database.read('items', (c) => c.all(ITEMS))],
    ['a transaction', (database) => database.transaction('items', (tx) => tx.all(ITEMS))],
    ['a write', (database) => database.write('items', (tx) => tx.all(ITEMS))],
    [
      'a session',
      async (database) => {
        await using session = await database.session('items');
        return await session.connection.all(ITEMS);
      },
    ],
  ])('waits for a file that another process has for itself alone: %s', async (_, use) => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await using database = await openDirect({ name: 'orders', path, migrations: [SHOP] });
    // Nobody can have it for himself while a connection is open.
    await database.flush('all');
    const statements = ['PRAGMA locking_mode = EXCLUSIVE', "INSERT INTO item (name) VALUES ('x')"];
    await using holder = companion(ANY, path, ...statements);
    expect(await holder.hear()).toBe('holding');
    const waiting = use(database);
    await expect.poll(() => database.snapshot().counters.busy, PATIENT).toBeGreaterThan(0);
    holder.say('let go');
    expect(await waiting).toEqual([{ name: 'x' }]);
    expect(await holder.hear()).toBe('let go');
  });

  it('ends in its own time with who has it', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await using database = await openDirect({ name: 'orders', path, migrations: [SHOP] });
    await database.flush('all');
    await using holder = companion(
      ANY,
      path,
      'PRAGMA locking_mode = EXCLUSIVE',
      "INSERT INTO item (name) VALUES ('x')",
    );
    expect(await holder.hear()).toBe('holding');
    const calls = [
      database.read('items', (c) => c.all(ITEMS), { timeoutMs: 300 }),
      database.write('items', (tx) => tx.all(ITEMS), { timeoutMs: 300 }),
    ];
    for (const error of await Promise.all(calls.map(rejectionOf)))
      expect(error).toMatchObject({
        code: 'HIVEDB_E_BUSY_TIMEOUT',
        retryable: true,
        culprits: [{ pid: holder.pid }],
      });
  });
});

describe('opening', () => {
  it.each([
    ['has for itself alone', 'WAL', ['PRAGMA locking_mode = EXCLUSIVE', "INSERT INTO item (name) VALUES ('x')"]],
    ['writes with a rollback journal', 'DELETE', ['BEGIN IMMEDIATE']],
    ['changes with a rollback journal', 'DELETE', ['BEGIN EXCLUSIVE']],
    ['reads beside a rollback journal', 'DELETE', ['BEGIN', 'SELECT * FROM item']],
  ])('waits for a file that another process %s, and ends in time with its name', async (_, mode, statements) => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await using holder = companion(
      ANY,
      path,
      `PRAGMA journal_mode = ${mode}`,
      'CREATE TABLE item (name)',
      ...statements,
    );
    expect(await holder.hear()).toBe('holding');
    const databases = { orders: sqlite({ path, required: true }) };
    const open = (clock: VirtualClock, logger = recordingLogger()): Promise<DatabaseService> =>
      openDatabaseService({ app: 'test', presence: false, databases, clock, logger });

    const clock = new VirtualClock();
    const logger = recordingLogger();
    const failure = rejectionOf(open(clock, logger));
    await clock.advance(9_900);
    expect(logger.said('error')).toEqual([]);
    expect(logger.said('warn')).toEqual([expect.stringContaining(`: process ${holder.pid} (`)]);
    await clock.advance(200);
    expect(await failure).toMatchObject({
      code: 'HIVEDB_E_BUSY_TIMEOUT',
      label: 'open',
      culprits: [{ pid: holder.pid, command: expect.stringContaining('node') as string }],
    });

    const later = new VirtualClock();
    const opening = open(later);
    await later.advance(500);
    holder.say('let go');
    expect(await holder.hear()).toBe('let go');
    await later.advance(200);
    await using service = await opening;
    expect(service.snapshot().databases[0]?.status).toBe('open');
  });

  it('waits for nobody where all its migrations have been applied', async () => {
    await using temporary = await shop();
    await using holder = await holderOf(temporary.path);
    await temporary.service.close();
    const databases = { orders: sqlite({ path: temporary.path, migrations: [SHOP], required: true }) };
    // Nobody could wait: time stands still.
    const clock = new VirtualClock();
    await using service = await openDatabaseService({ app: 'test', presence: false, databases, clock });
    expect(service.snapshot().databases[0]?.counters.busy).toBe(0);
    expect(itemsOf(service.database('orders'))).toEqual([]);
    holder.say('let go');
    expect(await holder.hear()).toBe('let go');
    expect(itemsOf(service.database('orders'))).toEqual(["the holder's"]);
  });

  it('waits with its migrations for the lock', async () => {
    await using temporary = await shop();
    await using holder = await holderOf(temporary.path);
    await temporary.service.close();
    const migrations = [SHOP, { id: 2, name: 'later', sql: 'CREATE TABLE later (a)' }];
    const databases = { orders: sqlite({ path: temporary.path, migrations, required: true }) };
    let opened = false;
    const opening = openDatabaseService({ app: 'test', presence: false, databases }).then((service) => {
      opened = true;
      return service;
    });
    await turns(50);
    expect(opened).toBe(false);
    holder.say('let go');
    await using service = await opening;
    expect(service.database('orders').readSync('later', (c) => c.all('SELECT * FROM later'))).toEqual([]);
  });
});

describe('five processes with fifty writes each', () => {
  it('get all of them done, none lost and none twice', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const program = `
      import { openDatabaseService, sqlite } from '@hive/shared-db';
      const migrations = [{ id: 1, name: 'items', sql: 'CREATE TABLE item (worker INTEGER, n INTEGER, UNIQUE (worker, n))' }];
      const databases = { orders: sqlite({ path: args[0], migrations, durability: 'normal', required: true }) };
      const service = await openDatabaseService({ app: 'worker', presence: false, databases });
      const orders = service.database('orders');
      say('ready');
      const worker = Number(await hear());
      for (let n = 0; n < 50; n++)
        if (n % 5 === 0) await orders.transaction('slow', async (tx) => {
          await tx.run('INSERT INTO item VALUES (?, ?)', worker, n);
          await new Promise((resolve) => setImmediate(resolve));
        });
        else await orders.write('fast', (tx) => tx.run('INSERT INTO item VALUES (?, ?)', worker, n));
      const { errors } = service.snapshot().databases[0].counters;
      say(JSON.stringify(errors));
      await service.close();
      goDeaf();
    `;
    await using stack = new AsyncDisposableStack();
    const workers = Array.from({ length: 5 }, () => stack.use(companion(program, path)));
    for (const worker of workers) expect(await worker.hear()).toBe('ready');
    for (const [index, worker] of workers.entries()) worker.say(String(index));
    for (const worker of workers) expect(await worker.hear()).toBe('{}');
    for (const worker of workers) expect(await worker.end()).toEqual({ code: 0, stderr: '' });
    const databases = { orders: sqlite({ path }) };
    await using service = await openDatabaseService({ app: 'test', presence: false, databases });
    expect(
      service
        .database('orders')
        .readSync('count', (c) => [c.get('SELECT count(*) AS n FROM item'), c.get('PRAGMA integrity_check')]),
    ).toEqual([{ n: 250 }, { integrity_check: 'ok' }]);
  });
});
