import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Io } from '../dist/io.js';
import type { AdviseDocument } from '../dist/documents/advise.js';
import { run, type Outcome } from './support/command-line.ts';
import { databaseWith } from './support/evidence.ts';
import { recording } from './support/recordings.ts';
import { answering, hangingUp, recounting, runtimeDirectory } from './support/runtime-directory.ts';
import { contract, misfits } from './support/schema.ts';
import { serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const BUSY = { size: 4, arrivals: 360_000, useMs: 50, waited: 300_000, waitMs: 40 };
const limits = (maxConnections: number): Parameters<typeof databaseWith>[1] => ({
  limits: {
    acquireTimeoutMs: 10_000,
    recycleMs: 0,
    server: { name: 'db:5432', maxConnections, idleLimitMs: undefined },
  },
});
const shop = serviceSnapshot({
  databases: [databaseWith(BUSY, limits(100)), databaseWith({ size: 2, arrivals: 5, useMs: 1 }, { name: 'stock' })],
});
const bill = serviceSnapshot({ app: 'bill', pid: 12, databases: [databaseWith({ ...BUSY, size: 60 }, limits(100))] });

function documentIn({ out }: Outcome): AdviseDocument {
  const document = JSON.parse(out) as AdviseDocument;
  expect(misfits(document, contract('advise'))).toEqual([]);
  return document;
}

/** `orders in shop, stock in shop`. */
function named({ processes }: AdviseDocument): string {
  return processes.flatMap(({ app, databases }) => databases.map(({ name }) => `${name} in ${app}`)).join(', ');
}

const interruption: Io['interruption'] = () => ({
  signal: new AbortController().signal,
  [Symbol.dispose]: () => undefined,
});

describe('advise', () => {
  it('says for each database what size would do and why, with the numbers', async () => {
    await using directory = await runtimeDirectory(shop);
    const { code, out } = await run(['advise', '--runtime-dir', directory.path]);
    expect(code).toBe(0);
    expect(out).toContain(
      [
        'shop  pid 4711  up 60 min',
        '  orders  postgres  4  raise',
        '  size              size 10 instead of 4: with 4 in use 3.33 callers wait on',
        '                    average',
        '  why               100 arrivals/s x 50 ms in use = 5 connections busy on',
        '                    average; with room for chance 5 + 2 x √5 = 9.47, so 10; the',
        '                    most at once is not known; 300000 waited (83 %), one caller',
        '                    in twenty for 40 ms or longer',
        '  measured          60 min since the start, 360000 callers; evidence: some',
        '  stock  postgres  2  unknown',
      ].join('\n'),
    );
    expect(out).toContain('\nsums\n  connections of db:5432  fits\n');
    expect(out).toContain(
      `\n  run               hive-db --runtime-dir ${directory.path} advise --interval 60s --database stock\n`,
    );
  });

  it('is of one app or database where that is said, and the sums are of all who share them', async () => {
    await using directory = await runtimeDirectory(shop, bill);
    const advised = async (...options: readonly string[]): Promise<AdviseDocument> =>
      documentIn(await run(['advise', '--json', '--runtime-dir', directory.path, ...options]));
    expect(named(await advised())).toBe('orders in bill, orders in shop, stock in shop');
    const ofShop = await advised('--app', 'shop');
    expect(named(ofShop)).toBe('orders in shop, stock in shop');
    expect(ofShop.sums.map(({ most }) => most)).toEqual([64]);
    const ofStock = await advised('--database', 'stock');
    expect(named(ofStock)).toBe('stock in shop');
    expect(ofStock.sums).toEqual([]);
    expect(named(await advised('--app', 'bill', '--database', 'orders'))).toBe('orders in bill');
  });

  it('exits with 1 where a sum cannot work, and with 3 where nothing is to be seen', async () => {
    await using crowded = await runtimeDirectory({ ...bill, databases: [databaseWith(BUSY, limits(3))] });
    expect((await run(['advise', '--runtime-dir', crowded.path])).code).toBe(1);
    using empty = temporaryDirectory();
    const nobody = await run(['advise', '--runtime-dir', empty.path]);
    expect(nobody).toMatchObject({ code: 3, out: '' });
    expect(nobody.err).toMatch(/no process found/);
    await using mute = await runtimeDirectory();
    await mute.add(99, hangingUp);
    expect((await run(['advise', '--runtime-dir', mute.path])).code).toBe(3);
  });

  it.each([
    [['--app', 'shpo'], 'there is no app shpo; did you mean shop'],
    [['--app', 'shop', '--database', 'x'], 'no database x is open there; there are orders, stock'],
  ])('refuses a name that nobody has, now and when it was exported: %j', async (option, sentence) => {
    await using directory = await runtimeDirectory(shop, bill);
    const refused = { code: 2, out: '', err: `hive-db: ${sentence}\n` };
    const where = ['--runtime-dir', directory.path];
    // Without waiting for the second look.
    expect(await run(['advise', ...option, '--interval', '60s', ...where])).toEqual(refused);
    using place = temporaryDirectory();
    const file = join(place.path, 'state.json');
    writeFileSync(file, (await run(['export', ...where])).out);
    expect(await run(['advise', ...option, '--input', file])).toEqual(refused);
    // Who did not answer may have it.
    await directory.add(99, hangingUp);
    const undetermined = { code: 3, out: '', err: expect.stringContaining('nothing was seen of app sh') as string };
    expect(await run(['advise', ...option, ...where])).toMatchObject(undetermined);
    writeFileSync(file, (await run(['export', ...where])).out);
    expect(await run(['advise', ...option, '--input', file])).toMatchObject(undetermined);
  });

  it('looks twice where an interval is said', async () => {
    await using directory = await runtimeDirectory();
    let looks = 0;
    const later = {
      ...shop,
      uptimeMs: 3_660_000,
      databases: [databaseWith({ ...BUSY, arrivals: 360_600 }, limits(100))],
    };
    await directory.add(4711, (socket) => {
      looks++;
      answering(looks === 1 ? shop : later)(socket);
    });
    const argv = ['advise', '--json', '--interval', '60s', '--runtime-dir', directory.path];
    const document = documentIn(await run(argv, { interruption }));
    expect(document.processes[0]?.databases[0]?.load).toMatchObject({
      since: 'earlier-look',
      window_seconds: 60,
      arrivals: 600,
    });
  });

  it('takes no other process for an earlier look at this one', async () => {
    const twin = { ...shop, pid: 13, databases: [databaseWith({ ...BUSY, arrivals: 300_400 })] };
    const restarted = { ...shop, pid: 14, startedAt: shop.startedAt + 1, uptimeMs: 10_000 };
    await using directory = await runtimeDirectory();
    for (const [now, before] of [
      [shop, shop],
      [twin, twin],
      [restarted, { ...shop, pid: 14 }],
    ] as const) {
      let looks = 0;
      await directory.add(now.pid, (socket) => {
        looks++;
        answering(looks === 1 ? before : { ...now, uptimeMs: now.uptimeMs + 60_000 })(socket);
      });
    }
    const argv = ['advise', '--json', '--interval', '60s', '--runtime-dir', directory.path];
    const { processes } = documentIn(await run(argv, { interruption }));
    const loads = processes.map(({ pid, databases }) => [pid, databases[0]?.load.since, databases[0]?.load.arrivals]);
    expect(Object.fromEntries(loads.map(([pid, ...load]) => [pid, load]))).toEqual({
      4711: ['earlier-look', 0],
      13: ['earlier-look', 0],
      14: ['start', 360_000],
    });
  });

  it('knows what the process has recorded', async () => {
    await using directory = await runtimeDirectory();
    const past = { ...recording([0, 0, 0], { poolInUse: [1, 3, 2] }), startedAt: shop.startedAt };
    await directory.add(4711, (socket) => {
      socket.once('data', (question) => {
        const answer = question.toString().includes('recording') ? recounting(past) : answering(shop);
        answer(socket);
        socket.emit('data', question);
      });
    });
    const { processes } = documentIn(await run(['advise', '--json', '--runtime-dir', directory.path]));
    expect(processes[0]?.databases[0]?.load).toMatchObject({ peak_in_use: 3, recorded_seconds: 3 });
  });

  it('reads exports and recordings that were saved, and takes two exports for two looks', async () => {
    using place = temporaryDirectory();
    const save = async (name: string, verb: string, ...processes: readonly (typeof shop)[]): Promise<string> => {
      const file = join(place.path, name);
      await using directory = await runtimeDirectory(...processes);
      if (verb === 'record')
        await directory.add(
          4711,
          recounting({ ...recording([0, 0], { poolInUse: [4, 2] }), startedAt: shop.startedAt }),
        );
      const { out } = await run([verb, '--runtime-dir', directory.path]);
      writeFileSync(file, out);
      return file;
    };
    const later = {
      ...shop,
      uptimeMs: 3_660_000,
      databases: [databaseWith({ ...BUSY, arrivals: 360_600 }, limits(100))],
    };
    const monday = await save('monday.json', 'export', shop, bill);
    const tuesday = await save('tuesday.json', 'export', later);
    const record = await save('record.json', 'record');
    const single = documentIn(await run(['advise', '--json', '-i', monday, '-i', record]));
    expect(named(single)).toBe('orders in bill, orders in shop, stock in shop');
    expect(single.processes[1]?.databases[0]?.load).toMatchObject({ since: 'start', peak_in_use: 4 });
    const both = documentIn(await run(['advise', '--json', '-i', tuesday, '-i', monday, '--app', 'shop']));
    expect(both.processes[0]?.databases[0]?.load).toMatchObject({ since: 'earlier-look', arrivals: 600 });
    const alone = await run(['advise', '-i', record]);
    expect(alone).toMatchObject({ code: 2, out: '' });
    expect(alone.err).toMatch(/give an export as well/);
    const document = await run(['advise', '-i', join(place.path, 'none.json')]);
    expect(document).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^hive-db: --input .* does not exist\n$/) as string,
    });
    expect((await run(['advise', '-i', monday, '--interval', '1s'])).code).toBe(2);
  });

  it('says what a file is that it cannot use', async () => {
    using place = temporaryDirectory();
    const file = join(place.path, 'x.json');
    const said = async (text: string): Promise<string> => {
      writeFileSync(file, text);
      return (await run(['advise', '-i', file])).err;
    };
    expect(await said('{}')).toBe(
      `hive-db: --input ${file} is not an export or a recording; hive-db export --output FILE or hive-db record --output FILE makes one\n`,
    );
    expect(await said('{"schema":"hive-db/status/v1"}')).toBe(
      `hive-db: --input ${file} is hive-db/status/v1; expected hive-db/export/v1 or hive-db/recording/v1\n`,
    );
    expect(await said('{"schema":"hive-db/export/v1"}')).toMatch(
      /does not keep its contract: \$\.processes is missing/,
    );
  });

  it('takes no names for commands to the terminal', async () => {
    const evil = '\u001b[2J\u202e';
    const databases = [
      databaseWith(BUSY, {
        name: evil,
        limits: { acquireTimeoutMs: 1, recycleMs: 0, server: { name: evil, maxConnections: 1, idleLimitMs: 1 } },
      }),
    ];
    await using directory = await runtimeDirectory(
      { ...shop, app: evil, databases },
      { ...bill, app: evil, databases: databases.map((one) => ({ ...one, pool: { ...one.pool, size: 9 } })) },
    );
    const { out } = await run(['advise', '--runtime-dir', directory.path]);
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it('knows how many files a process may have open', async () => {
    const databases = [databaseWith(BUSY, { driver: 'sqlite', path: '/srv/orders.db' })];
    await using directory = await runtimeDirectory({ ...shop, pid: process.pid, databases }, { ...bill, databases });
    const { sums } = documentIn(await run(['advise', '--json', '--app', 'shop', '--runtime-dir', directory.path]));
    expect(sums).toMatchObject([{ kind: 'descriptors', pid: process.pid, most: 23 }]);
    // Where the system does not tell, it is unknown.
    expect(sums[0]?.allowed === null).toBe(process.platform !== 'linux');
  });
});
