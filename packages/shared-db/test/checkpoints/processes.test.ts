import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CheckpointSnapshot } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { ask, clerk, COUNT, SAVE } from '../support/clerk.ts';
import { companion, type Companion } from '../support/companion.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { shop } from '../support/shop.ts';

/** A busy machine is no reason to fail. */
const PATIENT = { timeout: 20_000, interval: 50 };
const MEBIBYTE = 1024 * 1024;

/** Some 400 frames. */
const SAVE_MANY =
  "orders.write('save many', (tx) => { for (let n = 0; n < 200; n++) insert(tx, crypto.randomUUID() + 'x'.repeat(3_000)); return 'saved'; })";
const CHECKPOINTS = 'service.snapshot().databases[0].checkpoints';

async function checkpointsOf(other: Companion): Promise<CheckpointSnapshot> {
  return (await ask(other, CHECKPOINTS)) as CheckpointSnapshot;
}

function logBytes(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

describe('two processes that write one database', () => {
  it('each have a thread; one checkpoint is done at a time, and everything is in the file when the last has closed', async () => {
    using meeting = temporaryDirectory();
    await using temporary = await shop();
    await using first = await clerk(temporary.path, meeting.path);
    await using second = await clerk(temporary.path, meeting.path);
    for (const other of [first, second]) expect(await ask(other, SAVE)).toBe(1);
    for (const other of [first, second])
      await expect.poll(async () => (await checkpointsOf(other)).by, PATIENT).toBe('thread');
    for (let round = 0; round < 10; round++)
      expect(await Promise.all([ask(first, SAVE_MANY), ask(second, SAVE_MANY)])).toEqual(['saved', 'saved']);
    for (const other of [first, second])
      await expect
        .poll(async () => {
          const { frames, backfilledFrames } = await checkpointsOf(other);
          return [frames, backfilledFrames === frames];
        }, PATIENT)
        .toEqual([expect.any(Number), true]);
    const counters = [(await checkpointsOf(first)).counters, (await checkpointsOf(second)).counters];
    expect(counters.reduce((sum, { passive, restart }) => sum + passive + restart, 0)).toBeGreaterThan(0);
    for (const { failures } of counters) expect(failures).toBe(0);
    for (const other of [first, second]) expect(await ask(other, COUNT)).toBe(2 + 10 * 2 * 200);
    await temporary.service.close();
    for (const other of [first, second]) expect(await other.end()).toEqual({ code: 0, stderr: '' });
  });
});

/** Reads in one transaction until it is told to stop. */
const READER = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const service = await openDatabaseService({ app: 'reader', presence: false, databases: { orders: sqlite({ path: args[0] }) } });
  await service.database('orders').read('yearly report', async (c) => {
    await c.get('SELECT count(*) FROM item');
    say('reading');
    await hear();
  });
  say('read');
  goDeaf();
`;

describe.runIf(process.platform === 'linux')('a reader that stays', () => {
  it('keeps the log from getting shorter, and is named in health and in the log until it has gone', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ logger });
    const { database, service, path } = temporary;
    const saveMany = (): Promise<void> =>
      database.write('save many', (tx) => {
        for (let n = 0; n < 200; n++)
          tx.run('INSERT INTO item (name) VALUES (?)', crypto.randomUUID() + 'x'.repeat(3_000));
      });
    await saveMany();
    await using reader = companion(READER, path);
    expect(await reader.hear()).toBe('reading');
    for (let n = 0; n < 5; n++) await saveMany();
    const codes = (): readonly string[] => service.verdict().reasons.map(({ code }) => code);
    await expect.poll(codes, PATIENT).toEqual(['pinned']);
    const [reason] = service.verdict().reasons;
    expect(reason).toMatchObject({ status: 'warn', database: 'test' });
    expect(reason?.evidence).toMatch(new RegExp(`because somebody reads an older state: process ${reader.pid} \\(`));
    expect(reason?.advice).toContain('hive-db wal test');
    const { pinned, counters } = database.snapshot().checkpoints!;
    expect(pinned!.frames).toBeGreaterThan(1_000);
    expect(pinned!.forMs).toBeGreaterThanOrEqual(2_000);
    expect(pinned!.readers).toEqual([{ pid: reader.pid, command: expect.stringContaining('node') as string }]);
    expect(counters.blocked).toBeGreaterThan(1);
    const warnings = logger.lines.filter(({ message }) => message.includes('cannot be brought into the file'));
    expect(warnings).toMatchObject([
      {
        level: 'warn',
        message: expect.stringContaining(`process ${reader.pid}`) as string,
        fields: { database: 'test' },
      },
    ]);
    reader.say('stop');
    expect(await reader.hear()).toBe('read');
    await expect.poll(codes, PATIENT).toEqual([]);
    const { frames, backfilledFrames } = database.snapshot().checkpoints!;
    expect(frames).toBe(backfilledFrames);
  });

  it('of this process is named with what it does', async () => {
    await using temporary = await shop();
    const { database, service } = temporary;
    await database.read('yearly report', async (c) => {
      await c.get('SELECT count(*) FROM item');
      await database.write('save many', (tx) => {
        for (let n = 0; n < 1_000; n++)
          tx.run('INSERT INTO item (name) VALUES (?)', crypto.randomUUID() + 'x'.repeat(3_000));
      });
      await expect
        .poll(() => service.verdict().reasons.map(({ evidence }) => evidence), PATIENT)
        .toEqual([
          expect.stringMatching(new RegExp(`process ${process.pid} \\(.*; here "yearly report" for`)) as string,
        ]);
    });
  });

  it('is not taken for one who reads again and again', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const stopping = new AbortController();
    const read = async (): Promise<void> => {
      while (!stopping.signal.aborted)
        await database.read('look', (c) => c.get('SELECT id FROM item ORDER BY id DESC LIMIT 1'));
    };
    const reading = [read(), read()];
    await expect
      .poll(async () => {
        await database.write('save many', (tx) => {
          for (let n = 0; n < 200; n++)
            tx.run('INSERT INTO item (name) VALUES (?)', crypto.randomUUID() + 'x'.repeat(3_000));
        });
        const { passive, restart } = database.snapshot().checkpoints!.counters;
        return passive + restart;
      }, PATIENT)
      .toBeGreaterThan(20);
    stopping.abort();
    await Promise.all(reading);
    expect(database.snapshot().checkpoints!.pinned).toBeUndefined();
  });
});

/** Writes one row after the other until it is told to stop, without a pause but for those of the event loop. */
const WRITER = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const databases = { orders: sqlite({ path: args[0], durability: 'normal' }) };
  const service = await openDatabaseService({ app: 'writer', presence: false, databases });
  const orders = service.database('orders');
  say('ready');
  await hear();
  let stopped = false;
  const stopping = hear().then(() => (stopped = true));
  let written = 0;
  for (; !stopped; written++)
    await orders.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', crypto.randomUUID()), { timeoutMs: 60_000 });
  const { counters } = service.snapshot().databases[0].checkpoints;
  await service.close();
  say(JSON.stringify({ written, ...counters }));
  goDeaf();
`;

describe('four writers that never pause', () => {
  it('do not make the log grow beyond 64 MiB, though together they write far more', async () => {
    await using temporary = await shop();
    const writers = Array.from({ length: 4 }, () => companion(WRITER, temporary.path));
    await using stack = new AsyncDisposableStack();
    for (const writer of writers) stack.use(writer);
    for (const writer of writers) expect(await writer.hear()).toBe('ready');
    for (const writer of writers) writer.say('go');
    let longest = 0;
    const items = (): number =>
      temporary.database.readSync('count', (c) => c.get<{ n: number }>('SELECT max(id) AS n FROM item')?.n ?? 0);
    // Two frames each at least: 120 MiB.
    await expect
      .poll(
        () => {
          longest = Math.max(longest, logBytes(temporary.path));
          return items();
        },
        { timeout: 60_000, interval: 50 },
      )
      .toBeGreaterThan(16_000);
    for (const writer of writers) writer.say('stop');
    const reports = await Promise.all(
      writers.map(async (writer) => JSON.parse(await writer.hear()) as { written: number }),
    );
    expect(longest).toBeLessThan(64 * MEBIBYTE);
    expect(items()).toBe(reports.reduce((sum, { written }) => sum + written, 0));
  });
});
