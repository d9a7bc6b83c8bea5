import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
import { faultOf, type Fault } from '../support/book-image.ts';
import { diskEvents, diskRecorder, type DiskEvent } from '../support/disk-events.ts';
import { LossyDisk, LOSSES, type Deafness, type Loss } from '../support/power-loss.ts';
import { NO_PRELOADED_LIBRARY } from '../support/preloaded-library.ts';
import { randomNumbers, seedOfThisRun } from '../support/random-numbers.ts';
import { recordScribes, type Mark, type Workload } from '../support/scribe.ts';

const recorder = diskRecorder();
afterAll(() => recorder?.[Symbol.dispose]());
beforeEach(({ skip }) => {
  skip(recorder === undefined, NO_PRELOADED_LIBRARY);
});

/** How many images are looked at, for each workload. */
const IMAGES = 100;

const STREAMS = `
  await open();
  const stream = async (_, pace) => {
    for (let n = 0; n < 6; n++) {
      await pause(pace);
      await (n === 3 ? fail() : write(1 + n % 3));
    }
  };
  await together(8, stream);
  await end();
`;
const LONE = 'await open(); for (let n = 0; n < 25; n++) await write(1 + n % 3); await end();';

const WORKLOADS: Readonly<Record<string, Workload>> = {
  'the first write of a new database, in a directory that is new as well': {
    program: 'await open(); await write(); await end();',
  },
  'lone writes, synced at once': { program: LONE },
  'lone writes, on a disk that takes its time': { program: LONE, syncUs: 2_000 },
  'groups of writes': {
    program: 'await open(); for (let n = 0; n < 6; n++) await together(5 + 3 * n, () => write(2)); await end();',
  },
  'streams of writes, whose groups commit while others are synced': { program: STREAMS, syncUs: 3_000 },
  transactions: {
    program: 'await open(); for (let n = 0; n < 10; n++) await transaction(); await end();',
    syncUs: 500,
  },
  'transactions, of which the next is committed while one is synced': {
    program:
      'await open(); await together(3, async () => { for (let n = 0; n < 5; n++) await transaction(); }); await end();',
    syncUs: 3_000,
  },
  'writes, groups, failures and transactions of two processes': {
    program: `
      await open();
      for (let n = 0; n < 5; n++) await Promise.all([write(), transaction(), fail(), write(3), transaction(1), write(2)]);
      await end();
    `,
    syncUs: 1_000,
    scribes: 2,
  },
  'so much that the log is brought into the file, and begun again, in the middle': {
    program: `
      mkdirSync(dirname(path));
      // Somebody else's file is made where nobody looks: it is empty for a while.
      const draft = dirname(path) + '.draft';
      const made = new Direct(draft);
      made.pragma('page_size = 512');
      made.pragma('journal_mode = WAL');
      made.close();
      renameSync(draft, path);
      for (const made of [dirname(path), dirname(dirname(path))]) fsyncSync(openSync(made, 'r'));
      filler = 'x'.repeat(3_000);
      await open();
      for (let n = 0; n < 24; n++) await together(1 + n % 12, () => write(1 + n % 3));
      if (statSync(path).size < 100_000) throw new Error('nothing has been brought into the file yet');
      await end();
    `,
    syncUs: 200,
  },
  'connections that are closed and opened again, each with a new log': {
    program: `
      await open();
      for (let n = 0; n < 4; n++) {
        await together(3, () => write());
        await book.flush('all');
        await write(2);
        const last = together(2, () => write());
        await book.flush('all');
        await last;
        await service.close();
        await open();
      }
      await end();
    `,
    syncUs: 500,
  },
  'a schema that somebody else has just made, and has not synced yet': {
    program: `
      const draft = dirname(path) + '.draft';
      const migrations = [{ id: 1, name: 'book', sql: SCHEMA }];
      const drafts = { draft: sqlite({ path: draft, migrations, required: true }) };
      await (await openDatabaseService({ app: 'draft', presence: false, databases: drafts })).close();
      mkdirSync(dirname(path));
      const made = new Direct(draft + '.book');
      made.pragma('journal_mode = WAL');
      made.close();
      renameSync(draft + '.book', path);
      for (const made of [dirname(path), dirname(dirname(path))]) fsyncSync(openSync(made, 'r'));
      const careless = new Direct(path);
      careless.pragma('synchronous = OFF');
      careless.exec("ATTACH '" + draft + "' AS draft; BEGIN; " + SCHEMA);
      careless.exec('CREATE TABLE _hive_migrations AS SELECT * FROM draft._hive_migrations; COMMIT');
      await open();
      careless.close();
      await end();
    `,
  },
  'a log that somebody else has made, who syncs nothing': {
    program: `
      await open();
      await write();
      await service.close();
      const careless = new Direct(path);
      careless.pragma('synchronous = OFF');
      careless.prepare(INSERT).run('careless', 1, '');
      await open();
      for (let n = 0; n < 5; n++) await write();
      careless.close();
      await end();
    `,
  },
};

interface Found extends Fault {
  readonly moment: number;
  readonly loss: Loss;
}

function marksIn(events: readonly DiskEvent[]): readonly (readonly [moment: number, mark: Mark])[] {
  return events.flatMap((event, moment) => (event.kind === 'mark' ? [[moment, JSON.parse(event.text) as Mark]] : []));
}

/** Moments in the order of time, half of them right after something was acknowledged. */
function momentsIn(events: readonly DiskEvent[], count: number, random: () => number): number[] {
  const marks = marksIn(events);
  const below = (limit: number): number => Math.floor(random() * limit);
  const moment = (_: unknown, n: number): number =>
    n % 2 === 0 ? (marks[below(marks.length)]?.[0] ?? 0) : below(events.length);
  return Array.from({ length: count }, moment).toSorted((a, b) => a - b);
}

/** Takes the power away at moments of a recording, and looks at what is left. */
function faultsIn(log: string, seed: number, deafTo: Deafness = 'none'): readonly Found[] {
  const random = randomNumbers(seed);
  const events = diskEvents(log);
  const moments = momentsIn(events, IMAGES, random);
  const rows = marksIn(events)
    .flatMap(([, mark]) => ('rows' in mark ? [mark.rows] : []))
    .reduce((one, other) => (other.length > one.length ? other : one), []);
  using directory = temporaryDirectory();
  const disk = new LossyDisk(deafTo);
  const told = new Set<string>();
  let opened = false;
  const found: Found[] = [];
  for (const [now, event] of events.entries()) {
    disk.apply(event);
    if (event.kind === 'mark') {
      const mark = JSON.parse(event.text) as Mark;
      if ('opened' in mark) opened = true;
      if ('told' in mark) told.add(mark.told);
    }
    for (; moments[0] === now; moments.shift()) {
      const loss = LOSSES[Math.floor(random() * LOSSES.length)] ?? 'nothing';
      const fault = faultOf(disk.image(loss, random), directory.file('image'), { opened, told, rows });
      if (fault !== undefined) found.push({ ...fault, moment: now, loss });
    }
  }
  return found;
}

/** The log of what a workload does; or the one that `HIVE_RECORDING` names. */
async function logOf(directory: TemporaryDirectory, workload: Workload): Promise<string> {
  return process.env['HIVE_RECORDING'] ?? (await recordScribes(recorder!, directory.path, workload)).log;
}

/** Says how to see the same images again, and keeps what that takes. */
function keep(log: string, seed: number): void {
  const kept = join(mkdtempSync(join(tmpdir(), 'hive-recording-')), 'log');
  copyFileSync(log, kept);
  process.stderr.write(`again, with -t and the name of this test: HIVE_SEED=${seed} HIVE_RECORDING=${kept}\n`);
}

/** A slow machine is no reason to fail. */
const TIMEOUT_MS = 60_000;

describe('when the power goes, at any moment', { timeout: TIMEOUT_MS }, () => {
  it.for(Object.entries(WORKLOADS))('everything that was acknowledged is there: %s', async ([, workload]) => {
    using directory = temporaryDirectory();
    const seed = seedOfThisRun();
    const log = await logOf(directory, workload);
    const faults = faultsIn(log, seed);
    if (faults.length > 0) keep(log, seed);
    expect(faults).toEqual([]);
  });

  it('durability normal loses what was acknowledged last, and nothing else', async () => {
    using directory = temporaryDirectory();
    const log = await logOf(directory, { program: STREAMS, durability: 'normal' });
    const kinds = faultsIn(log, seedOfThisRun()).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['lost']));
  });
});

describe('a disk that takes no notice', { timeout: TIMEOUT_MS }, () => {
  it.for([
    ['syncs of files', 'files', STREAMS],
    ['syncs of directories', 'directories', LONE],
  ] as const)('of %s loses what was acknowledged, and that is found', async ([, deafTo, program]) => {
    using directory = temporaryDirectory();
    const { log } = await recordScribes(recorder!, directory.path, { program });
    expect(faultsIn(log, seedOfThisRun(), deafTo)).not.toEqual([]);
  });
});
