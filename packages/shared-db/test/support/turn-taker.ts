import { companion, type Companion } from './companion.ts';

/**
 * Another process that writes with a plain engine, as the lane does: at once where nobody waits, else in turns. It has a sentinel for its
 * arbiter. Told `write <ms>` it writes transactions that hold the lock for two milliseconds, one after the other, for so long, and
 * says how many and how long it waited; `hold` takes the lock in a turn and keeps it until `go on`; `keep` takes a turn that an arbiter gives, and nothing else; `state` says how its turns are.
 */
const TAKER = `
  import Database from 'better-sqlite3';
  import { statSync } from 'node:fs';
  import { systemClock as clock } from '@hive/pool';
  import { Activity } from './dist/activity.js';
  import { startSentinel } from './dist/presence/sentinel.js';
  import { ProcessTurns } from './dist/turns/process-turns.js';
  import { TurnSockets } from './dist/turns/turn-sockets.js';

  const [path, directory] = args;
  const { dev, ino } = statSync(path);
  const file = dev + ':' + ino;
  const fall = (what) => { throw new Error(String(what)); };
  const sentinel = await startSentinel({
    directory,
    http: undefined,
    describe: () => ({ databases: [] }),
    activity: new Activity(),
    logger: { debug() {}, info() {}, warn() {}, error: fall },
    unseen: fall,
    served() {},
  });
  const turns = new ProcessTurns({
    sockets: new TurnSockets(directory, file),
    host: (epoch) => sentinel.hostArbiter(file, epoch),
    clock,
    random: Math.random,
  });
  const database = new Database(path, { timeout: 0 });
  const begin = database.prepare('BEGIN IMMEDIATE');
  const insert = database.prepare('INSERT INTO entry (pid) VALUES (' + process.pid + ')');
  const commit = database.prepare('COMMIT');
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const tryBegin = () => {
    try {
      begin.run();
      return true;
    } catch (error) {
      if (!error.code.startsWith('SQLITE_BUSY')) throw error;
      return false;
    }
  };
  let turn;
  const lock = async () => {
    if ((turn !== undefined || turns.mayTry) && tryBegin()) return;
    turn ??= await turns.take();
    while (!tryBegin()) await pause(0.75 + 0.5 * Math.random());
  };
  const giveOn = () => {
    turn?.end();
    turn = undefined;
  };
  say('ready');
  for (let line; (line = await hear()) !== undefined; ) {
    const [verb, ms] = line.split(' ');
    if (verb === 'state') say(JSON.stringify(turns.state));
    if (verb === 'keep') {
      const before = turns.state.granted;
      for (; turns.state.granted === before; await pause(10)) {
        giveOn();
        turn = await turns.take();
      }
      say('kept');
    }
    if (verb === 'hold') {
      turn = await turns.take();
      await lock();
      say('holding');
      await hear();
      commit.run();
      giveOn();
      say('let go');
    }
    if (verb === 'write') {
      let count = 0;
      let longestMs = 0;
      for (const until = clock.now() + Number(ms); clock.now() < until; ) {
        const since = clock.now();
        await lock();
        longestMs = Math.max(longestMs, clock.now() - since);
        insert.run();
        for (const end = clock.now() + 2; clock.now() < end; );
        commit.run();
        count++;
        if (turn !== undefined && clock.now() >= turn.endsAt && turns.wanted) giveOn();
        // The lane's breather.
        await new Promise((resolve) => setImmediate(resolve));
      }
      giveOn();
      say(JSON.stringify({ count, longestMs }));
    }
  }
`;

/** What a taker says of its writing. */
export interface Written {
  readonly count: number;
  readonly longestMs: number;
}

/** Starts one; it is ready when this resolves. The file has a table \`entry\` with a column \`pid\`. */
export async function turnTaker(path: string, runtimeDirectory: string): Promise<Companion> {
  const made = companion(TAKER, path, runtimeDirectory);
  const word = await made.hear();
  if (word !== 'ready') throw new Error(`a turn taker said ${word}`);
  return made;
}
