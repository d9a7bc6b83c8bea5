import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { companion, type Companion } from './support/companion.ts';

/** Books one entry after another, each as two rows, and says its number when it has been acknowledged. */
const BOOKKEEPER = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const [path, durability, name] = args;
  const migrations = [{ id: 1, name: 'ledger', sql: 'CREATE TABLE entry (bookkeeper TEXT, n INTEGER, amount INTEGER, UNIQUE (bookkeeper, n, amount))' }];
  const databases = { ledger: sqlite({ path, durability, migrations, required: true }) };
  const ledger = (await openDatabaseService({ app: 'bookkeeper', presence: false, databases })).database('ledger');
  const book = 'INSERT INTO entry VALUES (?, ?, ?)';
  for (let n = 0; ; n++) {
    if (n % 3 === 0)
      await ledger.transaction('book slowly', async (tx) => {
        await tx.run(book, name, n, 5);
        await new Promise((resolve) => setImmediate(resolve));
        await tx.run(book, name, n, -5);
      });
    else
      await ledger.write('book', (tx) => {
        tx.run(book, name, n, 5);
        tx.run(book, name, n, -5);
      });
    // In the hands of the kernel before the next one: what is only in this process dies with it.
    await new Promise((said) => process.stdout.write(n + '\\n', said));
  }
`;

/** Hears a number of lines; the last of them. */
async function hearMany(bookkeeper: Companion, lines: number): Promise<void> {
  for (let i = 0; i < lines; i++) await bookkeeper.hear();
}

/** Kills it, and tells how many entries had been acknowledged by then: what it has said is in the pipe, though it is dead. */
async function killed(bookkeeper: Companion, heard: number): Promise<number> {
  await bookkeeper.kill();
  for (let acknowledged = heard; ; acknowledged++)
    try {
      expect(await bookkeeper.hear()).toBe(String(acknowledged));
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('the companion has ended')) return acknowledged;
      throw error;
    }
}

describe('processes that are killed while they write', () => {
  it.each(['full', 'normal'] as const)(
    'lose nothing that was acknowledged, leave nothing by halves, and stop nobody else: durability %s',
    async (durability) => {
      using directory = temporaryDirectory();
      const path = directory.file('ledger.db');
      const ledger = new Map<string, number>();
      for (let round = 0; round < 3; round++) {
        const [first, second] = [`${round} first`, `${round} second`];
        await using early = companion(BOOKKEEPER, path, durability, first);
        await using late = companion(BOOKKEEPER, path, durability, second);
        const moment = 1 + Math.floor(Math.random() * 60);
        await hearMany(early, moment);
        ledger.set(first, await killed(early, moment));
        // The other goes on: the lock of a dead process is nobody's.
        await hearMany(late, 40);
        ledger.set(second, await killed(late, 40));
      }

      await using service = await openDatabaseService({
        app: 'auditor',
        presence: false,
        databases: { ledger: sqlite({ path, required: true }) },
      });
      const { found, check } = service.database('ledger').readSync('audit', (c) => ({
        found: c.all<{ bookkeeper: string; entries: number; last: number; rows: number; balance: number }>(
          `SELECT bookkeeper, count(DISTINCT n) AS entries, max(n) AS last, count(*) AS rows, sum(amount) AS balance
           FROM entry GROUP BY bookkeeper ORDER BY bookkeeper`,
        ),
        check: c.get('PRAGMA integrity_check'),
      }));
      expect(check).toEqual({ integrity_check: 'ok' });
      expect(found.map(({ bookkeeper }) => bookkeeper)).toEqual([...ledger.keys()]);
      for (const { bookkeeper, entries, ...rest } of found) {
        const acknowledged = ledger.get(bookkeeper) ?? 0;
        // One more may have been committed and not been told any more.
        expect([acknowledged, acknowledged + 1]).toContain(entries);
        expect(rest).toEqual({ last: entries - 1, rows: 2 * entries, balance: 0 });
      }
    },
  );
});
