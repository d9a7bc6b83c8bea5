import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SqliteHandle } from '../../dist/sqlite/engine.js';
import { outcomeOf } from '../support/outcome.ts';
import { itemsOf, shop } from '../support/shop.ts';

/** Whether each descriptor that this process has on a file can write. Linux tells. */
function descriptorsOn(path: string): readonly ('reads' | 'writes')[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    if (outcomeOf(() => readlinkSync(`/proc/self/fd/${descriptor}`)) !== path) return [];
    const [, flags = ''] = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')) ?? [];
    return [(Number.parseInt(flags, 8) & 3) === 0 ? 'reads' : 'writes'];
  });
}

describe('the connection that writes', () => {
  it.each([
    ['full', 1],
    ['normal', 0],
  ] as const)(
    'leaves the sync of a commit to its lane, whatever the durability %s says',
    async (durability, fullfsync) => {
      await using temporary = await shop({ durability });
      const settings = await temporary.database.write('settings', (tx) => [
        tx.get('SELECT * FROM pragma_synchronous'),
        tx.get('SELECT * FROM pragma_fullfsync'),
      ]);
      expect(settings).toEqual([{ synchronous: 1 }, { fullfsync }]);
    },
  );

  it('never sleeps for a lock, keeps foreign keys and trusts no schema', async () => {
    await using temporary = await shop();
    const settings = await temporary.database.write('settings', (tx) =>
      ['journal_mode', 'busy_timeout', 'foreign_keys', 'trusted_schema', 'cell_size_check', 'journal_size_limit'].map(
        (name) => tx.get(`SELECT * FROM pragma_${name}`),
      ),
    );
    expect(settings).toEqual([
      { journal_mode: 'wal' },
      { timeout: 0 },
      { foreign_keys: 1 },
      { trusted_schema: 0 },
      { cell_size_check: 1 },
      { journal_size_limit: 64 * 1024 * 1024 },
    ]);
  });
});

describe('a connection that reads', () => {
  it('is kept from writing twice: each of the two is enough', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session = await database.session('look');
    const raw = session.connection.raw as SqliteHandle;
    expect(raw.pragma('query_only', { simple: true })).toBe(1);
    raw.pragma('query_only = OFF');
    expect(outcomeOf(() => raw.exec("INSERT INTO item (name) VALUES ('x')"))).toMatchObject({
      code: 'SQLITE_READONLY',
    });
    expect(database.readSync('look', (c) => c.get('SELECT * FROM pragma_query_only'))).toEqual({ query_only: 1 });
    expect(itemsOf(database)).toEqual([]);
  });

  it('is every one but one: of all descriptors on the file a single one can write', async () => {
    await using temporary = await shop({ poolSize: 3 });
    const { database, path } = temporary;
    await using stack = new AsyncDisposableStack();
    for (let n = 0; n < 3; n++) {
      const session = stack.use(await database.session('hold'));
      await session.connection.get('SELECT 1');
    }
    itemsOf(database);
    await database.write('add', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(descriptorsOn(path).toSorted()).toEqual(['reads', 'reads', 'reads', 'reads', 'writes']);
  });

  it('sleeps for a lock for 50 ms when it is the synchronous one, and never when it is not', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const timeout = 'SELECT * FROM pragma_busy_timeout';
    expect(database.readSync('look', (c) => c.get(timeout))).toEqual({ timeout: 50 });
    expect(await database.read('look', (c) => c.get(timeout))).toEqual({ timeout: 0 });
  });
});
