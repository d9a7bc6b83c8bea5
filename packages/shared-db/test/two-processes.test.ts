import { describe, expect, it } from 'vitest';
import { listProcesses } from '@hive/shared-db/presence';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { companion, type Companion } from './support/companion.ts';
import { itemsOf, shop } from './support/shop.ts';

/** A whole application: two databases, migrations, presence. Writes when it is told to, and tells what it sees. */
const APPLICATION = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const migrations = [{ id: 1, name: 'items', sql: 'CREATE TABLE item (writer TEXT, n INTEGER)' }];
  const [directory, runtimeDirectory, name] = args;
  await hear();
  const service = await openDatabaseService({
    app: name,
    runtimeDirectory,
    databases: {
      orders: sqlite({ path: directory + '/orders.db', migrations, required: true }),
      events: sqlite({ path: directory + '/events.db', migrations, required: true }),
    },
  });
  say('open');
  for (let line; (line = await hear()) !== 'close'; ) {
    for (const database of ['orders', 'events'])
      for (let n = 0; n < 10; n++) {
        const insert = (tx) => tx.run('INSERT INTO item VALUES (?, ?)', name, n);
        await (n % 2 === 0 ? service.database(database).write('add', insert) : service.database(database).transaction('add', insert));
      }
    const count = (c) => c.get('SELECT count(*) AS n FROM item').n;
    say(['orders', 'events'].map((database) => service.database(database).readSync('count', count)).join(' '));
  }
  const { forced } = await service.close();
  say('closed ' + forced.length);
  goDeaf();
`;

async function expectLines(processes: readonly Companion[], told: string, expected: string): Promise<void> {
  for (const other of processes) other.say(told);
  for (const other of processes) expect(await other.hear()).toBe(expected);
}

describe('integration: two processes that open the same databases', () => {
  it('at the same moment, before the files are there, both work; each sees what the other has written', async () => {
    using directory = temporaryDirectory();
    const runtimeDirectory = directory.file('run');
    await using first = companion(APPLICATION, directory.path, runtimeDirectory, 'first');
    await using second = companion(APPLICATION, directory.path, runtimeDirectory, 'second');
    await expectLines([first, second], 'open', 'open');
    expect(await listProcesses({ directory: runtimeDirectory })).toMatchObject(
      [
        { pid: first.pid, snapshot: { app: 'first', databases: [{ status: 'open' }, { status: 'open' }] } },
        { pid: second.pid, snapshot: { app: 'second', databases: [{ status: 'open' }, { status: 'open' }] } },
      ].toSorted((a, b) => a.pid - b.pid),
    );
    await expectLines([first], 'write', '10 10');
    await expectLines([second], 'write', '20 20');
    for (const other of [first, second]) other.say('write');
    await Promise.all([first.hear(), second.hear()]);
    // One ends, the other goes on.
    await expectLines([first], 'close', 'closed 0');
    expect(await first.end()).toEqual({ code: 0, stderr: '' });
    await expectLines([second], 'write', '50 50');
    await expectLines([second], 'close', 'closed 0');
    expect(await second.end()).toEqual({ code: 0, stderr: '' });
    expect(await listProcesses({ directory: runtimeDirectory })).toEqual([]);
  });

  it('when one of them is killed, the other goes on and a third takes its place', async () => {
    using directory = temporaryDirectory();
    const runtimeDirectory = directory.file('run');
    await using first = companion(APPLICATION, directory.path, runtimeDirectory, 'first');
    await using second = companion(APPLICATION, directory.path, runtimeDirectory, 'second');
    await expectLines([first, second], 'open', 'open');
    await expectLines([first], 'write', '10 10');
    await first.kill();
    await expectLines([second], 'write', '20 20');
    await using third = companion(APPLICATION, directory.path, runtimeDirectory, 'third');
    await expectLines([third], 'open', 'open');
    await expectLines([third], 'write', '30 30');
    expect(await listProcesses({ directory: runtimeDirectory })).toMatchObject(
      [{ pid: second.pid }, { pid: third.pid }].toSorted((a, b) => a.pid - b.pid),
    );
  });
});

describe('a transaction that does nothing while it holds the lock', () => {
  it('is rolled back in its own process, and the write of another process that waits for the lock is done', async () => {
    await using temporary = await shop();
    await using idler = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0], durability: 'normal' }) };
       const service = await openDatabaseService({ app: 'idler', presence: false, databases });
       let revoked;
       const late = new Promise((resolve) => (revoked = resolve));
       const attempt = service.database('orders').transaction('think', async (tx) => {
         await tx.run("INSERT INTO item (name) VALUES ('of the idler')");
         say('holding');
         await hear();
         revoked(tx.run("INSERT INTO item (name) VALUES ('too late')").catch(({ code }) => code));
       });
       say(await attempt.catch(({ code }) => code));
       say(await late);
       await service.close();
       goDeaf();`,
      temporary.path,
    );
    expect(await idler.hear()).toBe('holding');
    await temporary.database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('of the patient')"));
    expect(await idler.hear()).toBe('HIVEDB_E_TRANSACTION_EXPIRED');
    idler.say('go on');
    expect(await idler.hear()).toBe('HIVEDB_E_TRANSACTION_EXPIRED');
    expect(await idler.end()).toEqual({ code: 0, stderr: '' });
    expect(itemsOf(temporary.database)).toEqual(['of the patient']);
  });

  it('may be a session of any length, which holds no lock: others write meanwhile', async () => {
    await using temporary = await shop();
    await using dweller = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0], durability: 'normal' }) };
       const service = await openDatabaseService({ app: 'dweller', presence: false, databases });
       const session = await service.database('orders').session('dwell', { timeoutMs: 600_000 });
       await session.transaction((tx) => tx.run("INSERT INTO item (name) VALUES ('first')"));
       say('dwelling');
       await hear();
       say(JSON.stringify(await session.connection.all('SELECT name FROM item ORDER BY id')));`,
      temporary.path,
    );
    expect(await dweller.hear()).toBe('dwelling');
    const write = temporary.database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('second')"), {
      timeoutMs: 2_000,
    });
    expect(await write).toMatchObject({ changes: 1 });
    dweller.say('look');
    expect(JSON.parse(await dweller.hear())).toEqual([{ name: 'first' }, { name: 'second' }]);
  });
});
