import { writingPeers, type WritingPeer } from '../../peers/sqlite/line-up.ts';
import type { Contestant } from '../../scenario.ts';
import { contestant, type Worker } from './contestant.ts';
import { createFile, openBare, openService, type Durability, type ServiceStage } from './stage.ts';

const INSERT = 'INSERT INTO entry (text, number) VALUES (?, ?)';

/** Writes one row by `write`. */
function addEntry({ database }: ServiceStage, number: number): Promise<unknown> {
  return database.write('add entry', (tx) => tx.run(INSERT, 'some text', number));
}

/** What ratios are against: better-sqlite3 by itself, with what it has for this. */
export const IMMEDIATE = 'better-sqlite3 immediate';

/**
 * `write`, called as `run` says, against a transaction for each row: better-sqlite3 by itself, one after the other, and the libraries
 * over it, called as `run` says, too.
 */
export function inserting(
  durability: Durability,
  times: number,
  run: (write: () => Promise<unknown>, count: number) => Promise<void>,
): readonly Contestant[] {
  return [
    contestant('ours', 'write', times, async () => {
      const stage = await openService(durability);
      let number = 0;
      return { run: (count) => run(() => addEntry(stage, number++), count), end: () => stage.end() };
    }),
    contestant('peer', IMMEDIATE, times, () => {
      const stage = openBare(durability);
      const insert = stage.writer.prepare(INSERT);
      const add = stage.writer.transaction((number: number) => insert.run('some text', number));
      const each = (count: number): void => {
        for (let i = 0; i < count; i++) add.immediate(i);
      };
      return Promise.resolve({ run: each, end: () => stage.end() });
    }),
    ...writingPeers.map((peer) => insertingPeer(peer, durability, times, run)),
  ];
}

/** How long a peer's engine may wait for the lock, which nobody else wants here. */
const BUSY_TIMEOUT_MS = 5_000;

function insertingPeer(
  { name, open }: WritingPeer,
  durability: Durability,
  times: number,
  run: (write: () => Promise<unknown>, count: number) => Promise<void>,
): Contestant {
  const start = async (): Promise<Worker> => {
    const file = createFile();
    const statements = [{ sql: INSERT, parameters: ['some text', 1] }];
    const writing = { path: file.path, durability, busyTimeoutMs: BUSY_TIMEOUT_MS, statements, beforeCommit: () => {} };
    const writer = await open(writing);
    return {
      run: (count) => run(async () => writer.write(), count),
      end: async () => {
        await writer.close();
        file.remove();
      },
    };
  };
  return contestant('peer', name, times, start, name);
}
