import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { companion, companionWith, type Companion } from './support/companion.ts';

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

/** A shelf, and things on it, each with the number of the write that has put it there. Who is told where takes turns with others. */
const SHELVES = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const [path, name, runtimeDirectory] = args;
  const meeting = runtimeDirectory === undefined ? { presence: false } : { runtimeDirectory };
  const sql = 'CREATE TABLE shelf (name TEXT PRIMARY KEY); CREATE TABLE thing (shelf TEXT NOT NULL REFERENCES shelf, n INTEGER NOT NULL, PRIMARY KEY (shelf, n))';
  const databases = { store: sqlite({ path, migrations: [{ id: 1, name: 'store', sql }], required: true }) };
  say('opening');
  const store = (await openDatabaseService({ app: 'stacker', ...meeting, databases })).database('store');
  await store.write('put up', (tx) => tx.run('INSERT INTO shelf VALUES (?)', name));
  let tried = 0;
  const thing = 'INSERT INTO thing VALUES (?, ?)';
  const put = (n) => n % 5 === 0
    ? store.transaction('put slowly', (tx) => tx.run(thing, name, n))
    : store.write('put', (tx) => tx.run(thing, name, n));
`;

/** Puts things on its shelf, several at once, until it is killed. Says what it tries and what it is told of it. */
const STACKER = `${SHELVES}
  for (;;) {
    const numbers = Array.from({ length: 1 + tried % 4 }, () => tried++);
    // In the hands of the kernel before it is done: what is only in this process dies with it, where nobody reads for a while.
    for (const n of numbers) await new Promise((said) => process.stdout.write('try ' + n + '\\n', said));
    await Promise.all(numbers.map(async (n) => {
      await put(n);
      say('told ' + n);
    }));
  }
`;

/** Puts one thing there for each line that it hears. Who is killed leaves nothing of what it has compiled to others: this one does. */
const SURVIVOR = `
  import { flushCompileCache } from 'node:module';
  ${SHELVES}
  flushCompileCache();
  say('open');
  for (;;) {
    await hear();
    await put(tried++);
    say('told');
  }
`;

/** What a stacker has said it tried, and was told. */
interface Stacked {
  readonly tried: ReadonlySet<number>;
  readonly told: ReadonlySet<number>;
}

/** Starts a stacker, kills it some lines later, and tells what it has said. */
async function stackAndKill(
  environment: Readonly<Record<string, string>>,
  ...args: readonly [path: string, name: string, ...runtimeDirectory: readonly string[]]
): Promise<Stacked> {
  const [tried, told] = [new Set<number>(), new Set<number>()];
  await using stacker = companionWith(environment, STACKER, ...args);
  const listen = async (lines: number): Promise<void> => {
    for (let i = 0; i < lines; i++) {
      const [word, n] = (await stacker.hear()).split(' ');
      if (word !== 'opening') (word === 'try' ? tried : told).add(Number(n));
    }
  };
  await listen(1 + Math.floor(Math.random() * 20));
  await stacker.kill();
  await expect(listen(Infinity)).rejects.toThrow(/^the companion has ended: $/);
  return { tried, told };
}

/** Of the arbiters that there have been among those who meet there; 0 where there was none. */
function newestEpoch(run: string): number {
  if (!existsSync(`${run}/turns`)) return 0;
  const epochs = readdirSync(`${run}/turns`).map((name) => Number(/^v.*-(\d+)\.sock$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...epochs);
}

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

describe('recovery: processes that are killed while they write', () => {
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

  it(
    'lose nothing in 200 deaths, four at a time, of arbiters among them, and a survivor goes on after each',
    { timeout: 180_000 },
    async () => {
      using directory = temporaryDirectory();
      const path = directory.file('store.db');
      // Compiling what they import would take them much of their time.
      const run = directory.file('run');
      const environment = { NODE_COMPILE_CACHE: directory.file('compiled') };
      const stacked = new Map<string, Stacked>();
      await using survivor = companionWith(environment, SURVIVOR, path, 'survivor');
      for (const word of ['opening', 'open']) expect(await survivor.hear()).toBe(word);
      let [deaths, survived] = [0, 0];
      const dieAgainAndAgain = async (): Promise<void> => {
        while (deaths < 200) {
          const name = `stacker ${deaths++}`;
          // Until six of them have been arbiters they take turns with each other; it makes their start twice as long.
          const meeting = newestEpoch(run) < 6 ? [run] : [];
          stacked.set(name, await stackAndKill(environment, path, name, ...meeting));
          survivor.say('go on');
          expect(await survivor.hear()).toBe('told');
          survived++;
        }
      };
      await Promise.all(Array.from({ length: 4 }, dieAgainAndAgain));
      expect([stacked.size, survived]).toEqual([200, 200]);
      // Each arbiter but the last was followed by one of the next epoch.
      expect(newestEpoch(run)).toBeGreaterThan(5);
      await survivor.kill();

      await using service = await openDatabaseService({
        app: 'auditor',
        presence: false,
        databases: { store: sqlite({ path, required: true }) },
      });
      const { things, checks } = service.database('store').readSync('audit', (c) => ({
        things: c.all<{ shelf: string; n: number }>('SELECT shelf, n FROM thing'),
        checks: [c.all('PRAGMA integrity_check'), c.all('PRAGMA foreign_key_check')],
      }));
      expect(checks).toEqual([[{ integrity_check: 'ok' }], []]);
      const found = Map.groupBy(things, ({ shelf }) => shelf);
      expect(found.get('survivor')).toHaveLength(200);
      for (const [name, { tried, told }] of stacked) {
        const numbers = new Set(found.get(name)?.map(({ n }) => n));
        expect([name, [...told].filter((n) => !numbers.has(n))]).toEqual([name, []]);
        expect([name, [...numbers].filter((n) => !tried.has(n))]).toEqual([name, []]);
      }
      expect([...stacked.values()].reduce((sum, { told }) => sum + told.size, 0)).toBeGreaterThan(500);
    },
  );
});
