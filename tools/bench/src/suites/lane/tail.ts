import { versionOf } from '../../machine.ts';
import { percentile } from '../../median.ts';
import type { Contestant, Scenario } from '../../scenario.ts';
import { packageOf } from '../sqlite/contestant.ts';
import { IMMEDIATE } from '../sqlite/inserting.ts';
import { openBare, openService, ROWS } from '../sqlite/stage.ts';

/** Far below what either side can do where no disk is waited for: whoever waits here waits for something else than his turn. */
const PER_SECOND = 2_000;
/** Long enough for some checkpoints: there is one after about 400 of these transactions. */
const SAMPLE_MS = 2_000;
const INSERT = 'INSERT INTO entry (text, number) VALUES (?, ?)';
const UPDATE = 'UPDATE item SET stock = ? WHERE id = ?';
/** A step through the table that comes to every row: neighbours in time are none in the file. */
const STRIDE = 7_919;

/** One transaction; resolves when it is acknowledged. */
type Write = (number: number) => Promise<unknown>;

/** Writes come at a steady pace. What do the slowest of them wait for? */
export function tailScenario(): Scenario {
  return {
    name: 'paced',
    about: `${PER_SECOND} transactions a second of two rows each, due at fixed times, durability normal: from when one is due until it is acknowledged. What the slowest wait for is a checkpoint, of SQLite in a COMMIT or of our thread.`,
    measures: [
      { name: 'p50', unit: 'ms', better: 'lower' },
      { name: 'p99', unit: 'ms', better: 'lower' },
      { name: 'p99.9', unit: 'ms', better: 'lower' },
      { name: 'worst', unit: 'ms', better: 'lower' },
    ],
    against: IMMEDIATE,
    rounds: 7,
    contestants: [
      paced('ours', 'write', async () => {
        const stage = await openService('normal');
        const write: Write = (number) =>
          stage.database.write('add entry', (tx) => {
            tx.run(INSERT, 'some text', number);
            tx.run(UPDATE, number, rowOf(number));
          });
        return { write, end: () => stage.end() };
      }),
      paced('peer', IMMEDIATE, () => {
        const stage = openBare('normal');
        const insert = stage.writer.prepare(INSERT);
        const update = stage.writer.prepare(UPDATE);
        const transaction = stage.writer.transaction((number: number) => {
          insert.run('some text', number);
          update.run(number, rowOf(number));
        });
        const write: Write = (number) => Promise.resolve(transaction.immediate(number));
        return Promise.resolve({ write, end: () => stage.end() });
      }),
    ],
  };
}

function rowOf(number: number): number {
  return ((number * STRIDE) % ROWS) + 1;
}

function paced(
  role: 'ours' | 'peer',
  name: string,
  open: () => Promise<{ readonly write: Write; readonly end: () => Promise<void> }>,
): Contestant {
  return {
    name,
    version: versionOf(packageOf(role)),
    role,
    check: () => Promise.resolve(),
    begin: async () => {
      const { write, end } = await open();
      await waitsOf(write);
      return {
        sample: async () => {
          const waits = await waitsOf(write);
          return [percentile(waits, 0.5), percentile(waits, 0.99), percentile(waits, 0.999), Math.max(...waits)];
        },
        end,
      };
    },
  };
}

/**
 * How long each of the writes waited, in milliseconds since it was due. The event loop turns all the time, because its timers come a
 * millisecond late, which is more than what is measured.
 */
async function waitsOf(write: Write): Promise<readonly number[]> {
  const count = (PER_SECOND * SAMPLE_MS) / 1_000;
  const apartMs = 1_000 / PER_SECOND;
  const waits: number[] = [];
  const written: Promise<void>[] = [];
  const begun = performance.now();
  for (let number = 0; number < count; number++) {
    const due = begun + number * apartMs;
    while (performance.now() < due) await new Promise((resolve) => setImmediate(resolve));
    const acknowledged = (): void => {
      waits.push(performance.now() - due);
    };
    const each = write(number).then(acknowledged);
    // Who fails is told of below, when all have come to their end.
    each.catch(() => {});
    written.push(each);
  }
  await Promise.all(written);
  return waits;
}
