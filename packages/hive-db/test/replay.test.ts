import { assert, constantFrom, double, asyncProperty, json, oneof, string } from 'fast-check';
import { existsSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Recording } from '@hive/shared-db/presence';
import type { RecordedDatabase, RecordingDocument } from '../dist/documents/recording.js';
import type { ReplayDocument } from '../dist/documents/replay.js';
import { run } from './support/command-line.ts';
import { databaseRecording, incident, recording } from './support/recordings.ts';
import { replay } from './support/replay.ts';
import { hangingUp, recounting, runtimeDirectory } from './support/runtime-directory.ts';
import { contract, misfits } from './support/schema.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const EVIL = 'x\u001b[2J\u0007\r\n\u202e\u2028y';
/** Everything that could move a cursor, ring, hide or reorder, but for the line ends that a text consists of. */
const CONTROL = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

let place: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  place = temporaryDirectory();
});
afterEach(() => {
  place[Symbol.dispose]();
});

/** A file of what these processes say, as `record` saves it. */
async function saved(...recordings: readonly Recording[]): Promise<string> {
  await using directory = await runtimeDirectory();
  for (const one of recordings) await directory.add(one.pid, recounting(one));
  const path = join(place.path, 'recording.json');
  await run(['record', '--output', path, '--runtime-dir', directory.path]);
  return path;
}

function written(text: string | Uint8Array): string {
  const path = join(place.path, 'recording.json');
  writeFileSync(path, text);
  return path;
}

/** A recording as a file has it, changed. */
async function documentOf(change: (process: Record<string, unknown>) => void): Promise<string> {
  await using directory = await runtimeDirectory();
  await directory.add(4711, recounting(incident()));
  const { out } = await run(['record', '--runtime-dir', directory.path]);
  const document = JSON.parse(out) as { processes: Record<string, unknown>[] };
  change(document.processes[0]!);
  return JSON.stringify(document);
}

describe('replay', () => {
  it('shows the worst moments, then a line for each step at which something changed', async () => {
    const path = await saved(incident());
    const { code, out, err } = await run(['replay', path]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(
      [
        'shop  pid 4711  5 steps, 2026-11-21 11:52:00 to 11:52:04 UTC',
        '  longest wait   2.9 s at 11:52:03, orders',
        '  longest block  1.7 s at 11:52:03',
        '  most waiting   11 at 11:52:02, orders',
        '  11:52:00  memory 64 MiB; orders: idle 1, calls 100, wal 4 KiB',
        '  11:52:01  orders: in use 4, waiting 3, oldest wait 900 ms, calls +31, wal -',
        '  11:52:02  stuck for 700 ms; orders: waiting 9, queued 2, oldest wait 1.9 s, wal 4 KiB',
        '  11:52:03  stuck for 1.7 s; orders: oldest wait 2.9 s',
        '  11:52:04  orders: in use 0, waiting 0, queued 0, oldest wait 0, calls +59, errors +2, wal 8 KiB',
        '',
      ].join('\n'),
    );
    const onTerminal = await run(['replay', path, '--no-color'], { terminal: { columns: 80, rows: 24 } });
    expect(onTerminal.out).toBe(out);
  });

  it('leaves out steps without a change, and shows every process and database', async () => {
    const quiet = {
      ...recording([0, 0, 0], {}, 12),
      app: 'quiet',
      unrecorded: 3,
      databases: [databaseRecording('orders', 3), databaseRecording('stock', 3, { busy: [0, 0, 4] })],
    };
    const { out } = await run(['replay', await saved(quiet, incident())]);
    expect(out.split('\n').slice(0, 9)).toEqual([
      'quiet  pid 12  3 steps, 2026-11-21 11:52:00 to 11:52:02 UTC',
      '  3 more databases not recorded',
      '  longest wait   none',
      '  longest block  none',
      '  most waiting   none',
      '  11:52:00  memory 64 MiB; orders: idle 1, calls 100, wal 4 KiB; stock: idle 1, calls 100, wal 4 KiB',
      '  11:52:02  stock: busy +4',
      '',
      'shop  pid 4711  5 steps, 2026-11-21 11:52:00 to 11:52:04 UTC',
    ]);
  });

  it('says where steps are missing', async () => {
    const whole = recording([0, 0, 0]);
    const gap = { ...whole, at: whole.at.map((at, step) => (step < 2 ? at : at + 60_000)) };
    const { out } = await run(['replay', await saved(gap)]);
    expect(out).toContain('\n  11:53:02  nothing for 61 s\n');
  });

  it('prints columns and the worst moments with --json', async () => {
    const path = await saved(incident());
    const { code, out } = await run(['replay', path, '--json']);
    expect(code).toBe(0);
    const document = JSON.parse(out) as ReplayDocument;
    expect(misfits(document, contract('replay'))).toEqual([]);
    expect(document.processes[0]).toMatchObject({
      pid: 4711,
      worst: {
        longest_wait: { seconds: 2.9, at: '2026-11-21T11:52:03.000Z', database: 'orders' },
        longest_block: { seconds: 1.7, at: '2026-11-21T11:52:03.000Z' },
        most_waiting: { waiting: 11, at: '2026-11-21T11:52:02.000Z', database: 'orders' },
      },
      databases: [{ pool_in_use: [0, 4, 4, 4, 0] }],
    });
    const quiet = JSON.parse((await run(['replay', await saved(), '--json'])).out) as ReplayDocument;
    expect(misfits(quiet, contract('replay'))).toEqual([]);
  });

  it('says again who gave no recording', async () => {
    await using directory = await runtimeDirectory();
    await directory.add(4711, recounting(incident()));
    await directory.add(99, hangingUp);
    const path = join(place.path, 'r.json');
    await run(['record', '--output', path, '--runtime-dir', directory.path]);
    const { code, err } = await run(['replay', path]);
    expect({ code, err }).toEqual({
      code: 0,
      err: 'hive-db: process 99 gave no usable answer when this was recorded: it hung up without an answer\n',
    });
    expect(misfits(JSON.parse((await run(['replay', path, '--json'])).out), contract('replay'))).toEqual([]);
  });

  it('of what nobody could tell is undetermined', async () => {
    const unreachable = [{ pid: 99, state: 'silent', reason: 'it hung up' }];
    const path = written(JSON.stringify({ schema: 'hive-db/recording/v1', processes: [], unreachable }));
    const { code, out, err } = await run(['replay', path]);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(/there is no step in .*\n$/);
  });
});

describe('replay --from and --to', () => {
  it.each([
    [
      ['--from', '11:52:03'],
      [3, 4],
    ],
    [
      ['--to', '11:52:01'],
      [0, 1],
    ],
    [
      ['--from', '11:52:01', '--to', '11:52:02'],
      [1, 2],
    ],
    [['--from', '2026-11-21T11:52:04Z'], [4]],
    [['--from', '2026-11-21T12:52:04+01:00'], [4]],
    [
      ['--from', '11:00', '--to', '12:00'],
      [0, 1, 2, 3, 4],
    ],
  ])('%j keep the steps of that time, and the worst of them', async (options, kept) => {
    const { code, out } = await run(['replay', await saved(incident()), '--json', ...options]);
    expect(code).toBe(0);
    const [process] = (JSON.parse(out) as ReplayDocument).processes;
    expect(process?.at.map((at) => Number(at?.slice(17, 19)))).toEqual(kept);
    expect(process?.databases[0]?.calls).toEqual(kept.map((step) => [100, 131, 131, 131, 190][step]));
    const waits = kept.map((step) => [0, 0.9, 1.9, 2.9, 0][step]!);
    expect(process?.worst.longest_wait?.seconds ?? 0).toBe(Math.max(...waits));
  });

  it('mean the day of the recording, also around midnight', async () => {
    const midnight = Date.UTC(2026, 10, 22);
    const late = { ...recording([0, 0, 0, 0]), at: [-2_000, -1_000, 0, 1_000].map((ms) => midnight + ms) };
    const { out } = await run(['replay', await saved(late), '--json', '--from', '23:59:59', '--to', '00:00']);
    const [process] = (JSON.parse(out) as ReplayDocument).processes;
    expect(process?.at).toEqual(['2026-11-21T23:59:59.000Z', '2026-11-22T00:00:00.000Z']);
  });

  it.each([
    [['--from', 'noon'], /^hive-db: --from noon is no time; expected one such as 11:52, /],
    [['--to', '25:00'], /^hive-db: --to 25:00 is no time; /],
    [['--to', '2026-13-45T11:52Z'], /^hive-db: --to 2026-13-45T11:52Z is no time; /],
    [['--from', '11:53', '--to', '11:52'], /^hive-db: --from 11:53 is later than --to 11:52\n$/],
    [['--from', '12:00'], /has no step then; it goes from 2026-11-21T11:52:00\.000Z to 2026-11-21T11:52:04\.000Z\n$/],
  ])('%j are refused in one sentence', async (options, sentence) => {
    const { code, out, err } = await run(['replay', await saved(incident()), ...options]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(sentence);
    expect(err.split('\n')).toHaveLength(2);
  });
});

describe('a file that is no recording', () => {
  it.each([
    ['empty', '', 'is not JSON'],
    ['text', 'hello', 'is not JSON'],
    ['cut off', '{"schema":"hive-db/recording/v1","proc', 'is not JSON, or was cut off'],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'is not JSON'],
    ['a number', '7', 'is not a recording; hive-db record --output FILE makes one'],
    ['deep', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, 'is nested too deeply'],
    [
      'deep in what nobody asked for',
      `{"schema":"hive-db/recording/v1","processes":[],"more":${'['.repeat(40)}${']'.repeat(40)}}`,
      'is nested too deeply',
    ],
    ['nothing but brackets', `[${'[],'.repeat(50_000)}0]`, 'has too many parts for its length'],
    [
      'another document',
      '{"schema":"hive-db/export/v1","processes":[]}',
      'is hive-db/export/v1; expected hive-db/recording/v1',
    ],
    [
      'a later form',
      '{"schema":"hive-db/recording/v2\\u001b[2J"}',
      'is hive-db/recording/v2\u{FFFD}[2J; expected hive-db/recording/v1',
    ],
    [
      'without processes',
      '{"schema":"hive-db/recording/v1"}',
      'does not keep its contract: the document.processes is not a list',
    ],
    [
      'with a key of JavaScript',
      '{"schema":"hive-db/recording/v1","processes":[{"__proto__":{"pid":1}}]}',
      'does not keep its contract: the document.processes[0].pid is not a number',
    ],
  ])('is refused in one sentence when it is %s', async (_, content, what) => {
    const path = written(content);
    const { code, out, err } = await run(['replay', path]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.startsWith(`hive-db: ${path} ${what}`)).toBe(true);
    expect(err.split('\n')).toHaveLength(2);
  });

  it('is refused when its columns are not even, its numbers no numbers', async () => {
    const uneven = written(await documentOf((process) => ((process['at'] as string[]).length = 3)));
    expect((await run(['replay', uneven])).err).toContain(
      'does not keep its contract: the columns of the document.processes[0] are not even',
    );
    const infinite = written((await documentOf(() => undefined)).replace('"pool_in_use":[0', '"pool_in_use":[1e999'));
    expect((await run(['replay', infinite])).err).toContain(
      'does not keep its contract: the document.processes[0].databases[0].pool_in_use[0] is not a number',
    );
  });

  it('is refused when it is a directory, a pipe, not there or has no name, and nothing waits', async () => {
    const directory = join(place.path, 'd');
    mkdirSync(directory);
    const pipe = join(place.path, 'p');
    spawnSync('mkfifo', [pipe]);
    for (const [file, what] of [
      [directory, 'is a directory'],
      [pipe, 'is not a regular file'],
      [join(place.path, 'none'), 'does not exist'],
      ['', 'is no name that a file can have'],
      ['a\0b', 'is no name that a file can have'],
    ] as const) {
      const { code, out, err } = await run(['replay', file]);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toContain(what);
    }
  });

  // Only Linux has a regular file without a size that never ends.
  it.skipIf(!existsSync('/proc/self/pagemap'))(
    'is refused after the most that a recording has when it has no size and no end',
    async () => {
      const { code, err } = await run(['replay', '/proc/self/pagemap']);
      expect({ code, err }).toEqual({
        code: 2,
        err: 'hive-db: /proc/self/pagemap goes on behind 64 MiB, which is the most that a recording has\n',
      });
    },
  );

  it('is refused unread when it is larger than any recording', async () => {
    const path = join(place.path, 'large');
    // Sparse: it takes no room.
    writeFileSync(path, '');
    truncateSync(path, 65 * 1024 ** 2);
    const { code, err } = await run(['replay', path]);
    expect({ code, err }).toEqual({
      code: 2,
      err: `hive-db: ${path} has 65 MiB; a recording has 64 MiB at most\n`,
    });
  });
});

describe('what a recording says', () => {
  it('reaches a terminal without any control character', async () => {
    const path = written(
      await documentOf((process) => {
        process['app'] = EVIL;
        process['at'] = (process['at'] as string[]).map(() => EVIL.repeat(10));
        process['started_at'] = EVIL;
        (process['databases'] as { name: string }[])[0]!.name = EVIL;
      }),
    );
    const { code, out, err } = await run(['replay', path]);
    expect(code).toBe(0);
    expect(out).toContain('x');
    expect(out).not.toMatch(CONTROL);
    expect(err).not.toMatch(CONTROL);
    expect((await run(['replay', path, '--json'])).out).not.toMatch(CONTROL);
  });

  it('may be any numbers and texts of the right form, and any JSON of the wrong one', async () => {
    const [database] = (JSON.parse(await documentOf(() => undefined)) as RecordingDocument).processes[0]!.databases;
    const anyNumber = double({ noNaN: true, noDefaultInfinity: true });
    const anyText = oneof(string({ unit: 'binary' }), constantFrom('__proto__', '2026-11-21T11:52:00.000Z', EVIL));
    await assert(
      asyncProperty(anyNumber, anyText, json(), async (number, text, rubbish) => {
        const fill = (value: unknown): unknown => [number, value, null];
        const figures = Object.fromEntries(
          Object.keys(database as RecordedDatabase).map((key) => [key, fill(-number)]),
        );
        const process = {
          pid: number,
          app: text,
          started_at: null,
          step_seconds: number,
          at: [text, null, '2026-11-21T11:52:00.000Z'],
          event_loop_blocked_seconds: [number, number, 0],
          memory_bytes: [number, 0, 1],
          databases: [{ ...figures, name: text }],
          unrecorded_databases: number,
        };
        for (const content of [
          JSON.stringify({ schema: 'hive-db/recording/v1', processes: [process] }),
          rubbish,
          `{"schema":"hive-db/recording/v1","processes":${rubbish}}`,
        ])
          for (const more of [[], ['--json'], ['--from', '11:00']]) {
            const { code, out, err } = await run(['replay', written(content), ...more]);
            expect([0, 2]).toContain(code);
            expect(`${out}${err}`).not.toMatch(CONTROL);
          }
      }),
      replay({ numRuns: 60 }),
    );
  });
});
