import type { Contestant } from '../../scenario.ts';
import { contestant } from './contestant.ts';
import { openBare, openService, type Durability, type ServiceStage } from './stage.ts';

const INSERT = 'INSERT INTO entry (text, number) VALUES (?, ?)';

/** Writes one row by `write`. */
export function addEntry({ database }: ServiceStage, number: number): Promise<unknown> {
  return database.write('add entry', (tx) => tx.run(INSERT, 'some text', number));
}

/** `write`, called as `run` says, against better-sqlite3 by itself: a transaction for each row, one after the other. */
export function inserting(
  durability: Durability,
  times: number,
  run: (stage: ServiceStage, count: number) => Promise<void>,
): readonly Contestant[] {
  return [
    contestant('ours', 'write', times, async () => {
      const stage = await openService(durability);
      return { run: (count) => run(stage, count), end: () => stage.end() };
    }),
    contestant('peer', 'better-sqlite3 immediate', times, () => {
      const stage = openBare(durability);
      const insert = stage.writer.prepare(INSERT);
      const add = stage.writer.transaction((number: number) => insert.run('some text', number));
      const each = (count: number): void => {
        for (let i = 0; i < count; i++) add.immediate(i);
      };
      return Promise.resolve({ run: each, end: () => stage.end() });
    }),
  ];
}
