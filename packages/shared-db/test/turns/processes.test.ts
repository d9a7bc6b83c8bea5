import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
import { companion, type Companion } from '../support/companion.ts';
import { turnTaker, type Written } from '../support/turn-taker.ts';

/** Everything that is measured here is far below: it tells waiting for a turn from waiting in vain. */
const GENEROUS_MS = 10_000;
/** A machine that is busy with other tests is slow to say what it did. */
const PATIENT = { timeout: 20_000, interval: 20 };

function meeting(): TemporaryDirectory {
  const directory = temporaryDirectory();
  onTestFinished(() => {
    directory[Symbol.dispose]();
  });
  const database = new Database(directory.file('shared.db'));
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, pid INTEGER)');
  database.close();
  return directory;
}

async function takers(directory: TemporaryDirectory, count: number): Promise<readonly Companion[]> {
  const made = await Promise.all(
    Array.from({ length: count }, () => turnTaker(directory.file('shared.db'), directory.file('run'))),
  );
  onTestFinished(async () => {
    for (const taker of made) await taker.kill();
  });
  return made;
}

async function written(taker: Companion): Promise<Written> {
  return JSON.parse(await taker.hear()) as Written;
}

async function stateOf(taker: Companion): Promise<unknown> {
  taker.say('state');
  return JSON.parse(await taker.hear());
}

/** Rows of each process, after everything. */
function rowsIn(directory: TemporaryDirectory): ReadonlyMap<number, number> {
  const database = new Database(directory.file('shared.db'));
  try {
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    const rows = database.prepare('SELECT pid, count(*) AS n FROM entry GROUP BY pid').all();
    return new Map((rows as { pid: number; n: number }[]).map(({ pid, n }) => [pid, n]));
  } finally {
    database.close();
  }
}

/** 1 where all have the same, 1/n where one has everything. */
function fairness(counts: readonly number[]): number {
  const sum = counts.reduce((all, count) => all + count, 0);
  return sum ** 2 / (counts.length * counts.reduce((all, count) => all + count ** 2, 0));
}

describe('processes that take turns', () => {
  it('have equal shares of a lock that all of them want all the time', async () => {
    const directory = meeting();
    const made = await takers(directory, 4);
    for (const taker of made) taker.say('write 3000');
    const results = await Promise.all(made.map(written));
    expect(fairness(results.map(({ count }) => count))).toBeGreaterThan(0.9);
    for (const { longestMs } of results) expect(longestMs).toBeLessThan(GENEROUS_MS);
    const rows = rowsIn(directory);
    expect(made.map(({ pid }) => rows.get(pid))).toEqual(results.map(({ count }) => count));
    for (const taker of made) expect(await stateOf(taker)).toMatchObject({ mode: 'arbiter', waiting: 0 });
  });

  it('go on when one that has the lock stands still and goes on, and when it is killed', async () => {
    const directory = meeting();
    const [holder, ...others] = await takers(directory, 3);
    holder!.say('hold');
    expect(await holder!.hear()).toBe('holding');
    holder!.signal('SIGSTOP');
    for (const taker of others) taker.say('write 500');
    // Nobody can be helped before it goes on: SQLite's lock is its. Then nobody has been forgotten.
    holder!.signal('SIGCONT');
    holder!.say('go on');
    expect(await holder!.hear()).toBe('let go');
    for (const taker of others) expect((await written(taker)).count).toBeGreaterThan(0);
    holder!.say('hold');
    expect(await holder!.hear()).toBe('holding');
    for (const taker of others) taker.say('write 500');
    await holder!.kill();
    for (const taker of others) expect((await written(taker)).count).toBeGreaterThan(0);
    rowsIn(directory);
  });

  it('go on when the one with the arbiter stands still, and when it is killed', async () => {
    const directory = meeting();
    const [first, ...others] = await takers(directory, 4);
    // Whoever writes first makes the arbiter.
    first!.say('write 1');
    await written(first!);
    await expect.poll(async () => ((await stateOf(first!)) as { mode: string }).mode, PATIENT).toBe('arbiter');
    for (const taker of others) taker.say('write 2000');
    await expect.poll(() => rowsIn(directory).size, PATIENT).toBe(4);
    first!.signal('SIGSTOP');
    const results = await Promise.all(others.map(written));
    expect(fairness(results.map(({ count }) => count))).toBeGreaterThan(0.5);
    for (const { longestMs } of results) expect(longestMs).toBeLessThan(GENEROUS_MS);
    for (const taker of others) expect(await stateOf(taker)).toMatchObject({ mode: 'arbiter' });

    // One that was deposed while it stood still is a participant like the others.
    first!.signal('SIGCONT');
    for (const taker of [first!, ...others]) taker.say('write 500');
    await Promise.all([first!, ...others].map(written));
    for (const taker of [first!, ...others]) {
      await taker.kill();
      const rest = [first!, ...others].slice([first!, ...others].indexOf(taker) + 1);
      for (const survivor of rest) survivor.say('write 300');
      for (const survivor of rest) expect((await written(survivor)).count).toBeGreaterThan(0);
      for (const survivor of rest) expect(await stateOf(survivor)).toMatchObject({ mode: 'arbiter' });
    }
    rowsIn(directory);
  });

  it('are kept alive by waiting for one, and by nothing else', async () => {
    const directory = meeting();
    const program = `
      import { systemClock as clock } from '@hive/pool';
      import { ArbiterHouse } from './dist/turns/arbiter-house.js';
      import { ProcessTurns } from './dist/turns/process-turns.js';
      import { TurnSockets } from './dist/turns/turn-sockets.js';
      const [directory] = args;
      const house = new ArbiterHouse(directory, clock, { warn() {} });
      const sockets = new TurnSockets(directory, '1:2');
      const turns = new ProcessTurns({ sockets, host: (epoch) => house.host('1:2', epoch), clock, random: Math.random });
      say('takes');
      const turn = await turns.take();
      say('has it');
      if (args[1] === 'keep') await hear();
      turn.end();
      goDeaf();`;
    await using holder = companion(program, directory.file('run'), 'keep');
    for (const line of ['takes', 'has it']) expect(await holder.hear()).toBe(line);
    await using waiter = companion(program, directory.file('run'), 'end');
    expect(await waiter.hear()).toBe('takes');
    const hears = waiter.hear();
    holder.say('go on');
    expect(await hears).toBe('has it');
    // Neither has closed anything.
    for (const process of [waiter, holder]) expect(await process.end()).toEqual({ code: 0, stderr: '' });
  });

  it('share the lock with one who takes no turns', async () => {
    const directory = meeting();
    const made = await takers(directory, 2);
    for (const taker of made) taker.say('write 800');
    const stranger = new Database(directory.file('shared.db'), { timeout: 5_000 });
    const insert = stranger.prepare('INSERT INTO entry (pid) VALUES (0)');
    let strange = 0;
    for (const until = performance.now() + 500; performance.now() < until; strange++) {
      insert.run();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    stranger.close();
    const results = await Promise.all(made.map(written));
    const rows = rowsIn(directory);
    expect(rows.get(0)).toBe(strange);
    expect(made.map(({ pid }) => rows.get(pid))).toEqual(results.map(({ count }) => count));
  });
});
