import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { runtimeDirectory, silent } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** A process that writes, waits, and has been stuck in a statement for nine seconds. */
function stuckService() {
  return serviceSnapshot({
    app: 'importer',
    pid: 12,
    eventLoop: { blockedMs: 9_000, label: 'report', statement: 'SELECT sum(amount) FROM stock' },
    databases: [
      databaseSnapshot({
        name: 'stock',
        leases: [
          {
            id: 3,
            resourceId: 1,
            owner: 'forgotten',
            ageMs: 400_000,
            idleMs: 400_000,
            suspect: true,
            acquiredAt: undefined,
            allowedMs: 300_000,
            use: 'session',
          },
        ],
        waiters: [{ owner: 'save', waitMs: 1_500, use: 'write' }],
      }),
    ],
  });
}

interface Activity {
  readonly label: string;
}

async function labelsOf(...options: readonly string[]): Promise<readonly string[]> {
  await using directory = await runtimeDirectory(busyService(), stuckService());
  const { code, out } = await run(['ps', '--json', '--runtime-dir', directory.path, ...options]);
  expect(code).toBe(0);
  return (JSON.parse(out) as { activities: Activity[] }).activities.map(({ label }) => label);
}

describe('ps', () => {
  it('lists who holds, who waits and what a process is stuck in, oldest first', async () => {
    await using directory = await runtimeDirectory(busyService(), stuckService());
    const { code, out, err } = await run(['ps', '--runtime-dir', directory.path]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(
      [
        ' PID  APP       DATABASE  KIND        AGE  LABEL           WHERE',
        '  12  importer  stock     session   6 min  forgotten       -',
        '4711  shop      orders    write    41.2 s  nightly import  import.ts:12:3',
        '  12  importer  -         running     9 s  report          SELECT sum(amount) F…',
        '  12  importer  stock     waiting   1.5 s  save            -',
        '4711  shop      orders    read       3 ms  list orders     -',
        '',
      ].join('\n'),
    );
  });

  it('lists what is read in threads and processes, and marks what nobody waits for any more', async () => {
    const crew = serviceSnapshot().offload.threads;
    const report = { database: 'orders', statement: 'SELECT sum(amount) FROM orders', pid: undefined };
    const offload = {
      threads: {
        ...crew,
        running: [
          { ...report, label: 'yearly sums', runningMs: 90_000, stuck: true },
          { ...report, label: 'monthly sums', runningMs: 2_000, stuck: false },
        ],
      },
      processes: { ...crew, running: [{ ...report, label: 'audit', runningMs: 5_000, stuck: false, pid: 99 }] },
    };
    await using directory = await runtimeDirectory(serviceSnapshot({ offload }));
    const { out } = await run(['ps', '--json', '--runtime-dir', directory.path]);
    const { activities } = JSON.parse(out) as { activities: { kind: string; label: string; statement: string }[] };
    expect(activities.map(({ kind, label, statement }) => [kind, label, statement])).toEqual([
      ['stuck', 'yearly sums', report.statement],
      ['offload', 'audit', report.statement],
      ['offload', 'monthly sums', report.statement],
    ]);
    const { out: marked } = await run(['ps', '--runtime-dir', directory.path], {
      terminal: { columns: 100, rows: 30 },
    });
    expect(marked.split('\n').filter((line) => line.includes('\u{1B}[31m'))).toEqual([
      expect.stringContaining('yearly sums'),
    ]);
  });

  it('shows the file and the line of a call, however long its path is', async () => {
    const lease = {
      id: 3,
      resourceId: 1,
      owner: 'nightly import',
      ageMs: 400,
      idleMs: 400,
      suspect: false,
      acquiredAt: 'Object.run (/srv/very/long/path/to/where/the/program/is/import.ts:12:3)',
      allowedMs: undefined,
      use: 'session' as const,
    };
    const databases = [databaseSnapshot({ leases: [lease] })];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { out } = await run(['ps', '--runtime-dir', directory.path]);
    expect(out).toMatch(/ …[^ ]*\/import\.ts:12:3\)\n$/);
    expect(out.split('\n').every((line) => line.length <= 80)).toBe(true);
  });

  it('marks what takes longer than its holder said, what looks like a leak, and what is stuck', async () => {
    await using directory = await runtimeDirectory(busyService(), stuckService());
    const terminal = { columns: 100, rows: 30 };
    const { out } = await run(['ps', '--runtime-dir', directory.path], { terminal });
    const marked = out.split('\n').filter((line) => line.includes('\u{1B}[31m'));
    expect(marked.map((line) => /forgotten|import|report/.exec(line.slice(20))?.[0])).toEqual([
      'forgotten',
      'import',
      'report',
    ]);
  });

  it('keeps to what is asked for', async () => {
    expect(await labelsOf('--app', 'shop')).toEqual(['nightly import', 'list orders']);
    expect(await labelsOf('--database', 'stock')).toEqual(['forgotten', 'save']);
    expect(await labelsOf('--kind', 'waiting')).toEqual(['save']);
    expect(await labelsOf('--kind', 'session', '--longer', '5min')).toEqual(['forgotten']);
    expect(await labelsOf('--longer', '9s')).toEqual(['forgotten', 'nightly import', 'report']);
    expect(await labelsOf('--label', 'import')).toEqual(['nightly import']);
    expect(await labelsOf('--label', 'nobody')).toEqual([]);
  });

  it('orders as it is told, and what is equal by age', async () => {
    expect(await labelsOf('--sort', 'label')).toEqual(['forgotten', 'list orders', 'nightly import', 'report', 'save']);
    expect(await labelsOf('--sort', 'app')).toEqual(['forgotten', 'report', 'save', 'nightly import', 'list orders']);
    expect(await labelsOf('--sort', 'pid')).toEqual(['forgotten', 'report', 'save', 'nightly import', 'list orders']);
    expect(await labelsOf('--sort', 'database')).toEqual([
      'report',
      'nightly import',
      'list orders',
      'forgotten',
      'save',
    ]);
    expect(await labelsOf('--sort', 'kind')).toEqual(['list orders', 'report', 'forgotten', 'save', 'nightly import']);
  });

  it('refuses a kind and an order that it does not know', async () => {
    for (const [option, value, sentence] of [
      ['--kind', 'writes', /^hive-db: --kind <kind> must be one of .*, not 'writes' \(did you mean write\?\); .*\n$/],
      ['--sort', 'size', /^hive-db: --sort <key> must be one of .*, not 'size'; see hive-db --help\n$/],
    ] as const) {
      const { code, out, err } = await run(['ps', option, value]);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(sentence);
    }
  });

  it.each([
    [['--app', 'shopp'], 'there is no app shopp; did you mean shop'],
    [['--database', 'oders'], 'no database oders is open there; did you mean orders'],
    [['--database', 'nope'], 'no database nope is open there; there are orders'],
    [['--database', ''], 'no database "" is open there; there are orders'],
  ])('refuses a name that nobody has: %j', async (option, sentence) => {
    await using directory = await runtimeDirectory(
      serviceSnapshot({ databases: [databaseSnapshot({ name: 'orders' })] }),
    );
    const refused = { code: 2, out: '', err: `hive-db: ${sentence}\n` };
    expect(await run(['ps', ...option, '--runtime-dir', directory.path])).toEqual(refused);
    // Who does not answer may have it.
    await directory.add(99, silent);
    const argv = ['ps', ...option, '--runtime-dir', directory.path, '--timeout', '100ms'];
    expect(await run(argv)).toMatchObject({ code: 0, out: '' });
  });

  it('prints nothing but who does not answer where nobody does anything', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    expect(await run(['ps', '--runtime-dir', directory.path])).toEqual({ code: 0, out: '', err: '' });
    using empty = temporaryDirectory();
    const { code, out, err } = await run(['ps', '--runtime-dir', empty.path]);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toContain('no process found');
  });

  it('finds the session and the writer of a real process', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('session');
    await shop.tell('lock');
    const { out } = await run(['ps', '--json', '--runtime-dir', shop.runtimeDirectory, '--sort', 'kind']);
    expect(JSON.parse(out)).toMatchObject({
      schema: 'hive-db/ps/v1',
      activities: [
        { pid: shop.pid, app: 'shop', database: 'orders', kind: 'session' },
        {
          pid: shop.pid,
          database: 'orders',
          kind: 'write',
          label: 'move stock',
          call_site: expect.stringContaining('service.mjs') as string,
        },
      ],
    });
  });
});

describe('leak detection: ps --leaked', () => {
  it('lists what is held and not used, and how many leaks there have been', async () => {
    expect(await labelsOf('--leaked')).toEqual(['forgotten', 'nightly import']);
    expect(await labelsOf('--leaked', '--database', 'stock')).toEqual(['forgotten']);
    const lease = { id: 1, resourceId: 1, ageMs: 90_000, allowedMs: undefined, use: 'session' as const };
    const databases = [
      databaseSnapshot({
        leases: [
          { ...lease, owner: 'at work', idleMs: 5, suspect: false, acquiredAt: undefined },
          { ...lease, owner: 'forgotten', idleMs: 61_000, suspect: true, acquiredAt: 'import.ts:12:3' },
        ],
        leaks: { suspects: 1, suspected: 4, returnedLate: 2, collected: 3, collectedAgoMs: 7_000 },
      }),
      databaseSnapshot({ name: 'stock' }),
    ];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { out } = await run(['ps', '--leaked', '--runtime-dir', directory.path]);
    expect(out).toBe(
      [
        ' PID  APP   DATABASE  KIND      AGE  UNUSED  LABEL      WHERE',
        '4711  shop  orders    session  90 s    61 s  forgotten  import.ts:12:3',
        'orders of shop (pid 4711): 4 suspected so far, 2 came back; 3 dropped without',
        'release, the last 7 s ago',
        '',
      ].join('\n'),
    );
    const { out: json } = await run(['ps', '--leaked', '--json', '--runtime-dir', directory.path]);
    const orders = { pid: 4_711, app: 'shop', database: 'orders' };
    expect(JSON.parse(json)).toMatchObject({
      activities: [{ ...orders, label: 'forgotten', idle_seconds: 61, suspected: true }],
      leaks: [{ ...orders, suspected: 4, returned_late: 2, collected: 3, collected_seconds_ago: 7 }],
    });
  });
});
