import type {
  ControlOrder,
  ControlProgress,
  ControlRequest,
  DatabaseControl,
  PoolState,
  ReloadReport,
} from '@hive/shared-db/presence';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { hangingUp, obeying, runtimeDirectory, type RuntimeDirectory } from './support/runtime-directory.ts';
import { databaseSnapshot, serviceSnapshot, tenantPattern } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { contract, misfits } from './support/schema.ts';

const state: PoolState = { status: 'open', size: 4, maxOverflow: 0, live: 2, leased: 2 };

function changed(database: string, changes: Partial<DatabaseControl> = {}): DatabaseControl {
  return { database, before: state, after: state, destroyed: 0, revoked: [], failure: undefined, ...changes };
}

function done(...databases: readonly DatabaseControl[]): ControlProgress {
  return { state: 'done', report: { databases, settings: undefined, refusal: undefined } };
}

function reloaded(settings: ReloadReport): ControlProgress {
  return { state: 'done', report: { databases: [], settings, refusal: undefined } };
}

/** What each process was told. */
type Orders = Record<number, ControlOrder[]>;

/** Processes that do what they are told: `shop` and `importer` have `orders`, `importer` has `stock` as well. */
async function neighbours(
  orders: Orders,
  become: (pid: number, order: ControlOrder) => ControlProgress = (_, order) =>
    done(changed('database' in order ? (order.database ?? 'orders') : 'orders')),
): Promise<RuntimeDirectory> {
  const directory = await runtimeDirectory();
  const databases = [databaseSnapshot({ name: 'orders' }), databaseSnapshot({ name: 'stock', path: '/srv/stock.db' })];
  const processes = [
    serviceSnapshot({ app: 'shop', pid: 11, databases: databases.slice(0, 1) }),
    serviceSnapshot({ app: 'importer', pid: 12, databases }),
  ];
  for (const snapshot of processes) {
    const { pid } = snapshot;
    const told = (orders[pid] = [] as ControlOrder[]);
    await directory.add(
      pid,
      obeying(snapshot, ({ order }) => {
        told.push(order);
        return become(pid, order);
      }),
    );
  }
  return directory;
}

/** What a verb is said to be of, before it is done. */
function what([verb, first, second, third]: readonly string[]): string | undefined {
  if (verb === 'threshold') return third ?? 'everything';
  if (verb === 'flush') return 'every database';
  if (verb === 'reload') return 'settings';
  return verb === 'echo' ? (second ?? 'every database') : first;
}

describe('who is told', () => {
  it.each([
    [
      ['suspend', 'orders'],
      [11, 12],
    ],
    [
      ['suspend', '/srv/orders.db'],
      [11, 12],
    ],
    [
      ['suspend', '../srv/./orders.db'],
      [11, 12],
    ],
    [['suspend', 'stock'], [12]],
    [['suspend', 'orders', '--app', 'shop'], [11]],
    [['suspend', 'orders', '--pid', '12'], [12]],
    [
      ['resize', 'orders', '--max-overflow', '0', '--all'],
      [11, 12],
    ],
    [
      ['flush', '--all'],
      [11, 12],
    ],
    [['flush', '--all', '--app', 'importer'], [12]],
    [['reload'], [11, 12]],
    [
      ['echo', 'on', 'orders'],
      [11, 12],
    ],
    [['echo', 'on', 'stock', '--app', 'importer'], [12]],
    [
      ['echo', 'off'],
      [11, 12],
    ],
    [
      ['log-level', 'debug'],
      [11, 12],
    ],
    [['log-level', 'debug', '--pid', '11'], [11]],
    [
      ['threshold', 'walSize', '1MiB'],
      [11, 12],
    ],
    [
      ['threshold', 'walSize', '1MiB', 'orders'],
      [11, 12],
    ],
    [['threshold', 'walSize', '1MiB', 'stock'], [12]],
  ] as const)('by %j is %j, and nobody else', async (argv, pids) => {
    const orders: Orders = {};
    await using directory = await neighbours(orders);
    const { err } = await run([...argv, '--runtime-dir', directory.path], { cwd: '/tmp' });
    const told = Object.keys(orders).filter((pid) => orders[Number(pid)]!.length > 0);
    expect(told.map(Number)).toEqual(pids);
    // Said before it is done, where it is more than one.
    expect(err).toBe(
      pids.length < 2 ? '' : `hive-db: ${argv[0]} of ${what(argv)} in 2 processes: shop (pid 11), importer (pid 12)\n`,
    );
  });

  it.each([
    [['suspend', 'order'], 'no database order is open there; did you mean orders'],
    [['suspend', 'quite-another'], 'no database quite-another is open there; there are orders, stock'],
    [['suspend', 'bad\u001b[2J'], 'no database bad\u{FFFD}[2J is open there; there are orders, stock'],
    [['suspend', ''], 'no database "" is open there; there are orders, stock'],
    [['suspend', 'stock', '--app', 'shop'], 'no database stock is open there; it is open in importer (pid 12)'],
    [['suspend', 'orders', '--app', 'shpo'], 'there is no app shpo; did you mean shop'],
    [['suspend', 'orders', '--pid', '99'], 'no process 99 has a database service open'],
    [['suspend', 'orders', '--pid', '11', '--app', 'importer'], 'process 11 is not of the app importer'],
    [['reload', '--app', 'shpo'], 'there is no app shpo; did you mean shop'],
    [['echo', 'on', 'order'], 'no database order is open there; did you mean orders'],
    [['log-level', 'debug', '--app', 'shpo'], 'there is no app shpo; did you mean shop'],
    [['threshold', 'walSize', '1MiB', 'order'], 'no database order is open there; did you mean orders'],
    [['threshold', 'walSise', '1MiB'], 'there is no threshold "walSise"; did you mean walSize'],
    [['threshold', 'walBytes', '1MiB'], 'there is no threshold "walBytes"; did you mean walSize'],
    [
      ['threshold', 'quite-another', '1'],
      'there is no threshold "quite-another"; there are utilisationWarn, utilisationCritical, failWhenSaturated, oldestWait, timeoutShare, acquireFactor, acquireFloor, errorShare, recyclesPerMinute, leaseAge, suspectedLeaks, walSize, slowStatement, blockedShare, warnWhenDeprecated',
    ],
    [
      ['threshold', 'walSize', '128MB'],
      'walSize must be a size from 4KiB to 1TiB, such as 64MiB, or default, not "128MB"',
    ],
    [
      ['threshold', 'utilisationWarn', '80%'],
      'utilisationWarn must be a share from 0 to 1, such as 0.8, or default, not "80%"',
    ],
    [['threshold', 'failWhenSaturated', 'yes'], 'failWhenSaturated must be true or false, or default, not "yes"'],
    [
      ['threshold', 'blockedShare', '0.5', 'orders'],
      'blockedShare is of the process, and no database has its own; leave the database out',
    ],
  ] as const)('is nobody where it is not clear who is meant: %j', async (argv, fault) => {
    const orders: Orders = {};
    await using directory = await neighbours(orders);
    const outcome = await run([...argv, '--runtime-dir', directory.path]);
    expect(outcome).toEqual({ code: 2, out: '', err: `hive-db: ${fault}; nothing was done\n` });
    expect(orders).toEqual({ 11: [], 12: [] });
  });

  it('is nobody where a name stands for several files, until that is meant', async () => {
    const told: number[] = [];
    await using directory = await runtimeDirectory();
    for (const [pid, path] of [
      [11, '/srv/a/orders.db'],
      [12, '/srv/b/orders.db'],
    ] as const) {
      const snapshot = serviceSnapshot({ pid, databases: [databaseSnapshot({ path })] });
      const obey = (): ControlProgress => {
        told.push(pid);
        return done(changed('orders'));
      };
      await directory.add(pid, obeying(snapshot, obey));
    }
    const place = ['--runtime-dir', directory.path];
    const { code, err } = await run(['suspend', 'orders', ...place]);
    expect({ code, err }).toEqual({
      code: 2,
      err: 'hive-db: orders is the name of 2 databases: /srv/a/orders.db in shop (pid 11), /srv/b/orders.db in shop (pid 12); say which with --pid, or the path of its file; nothing was done\n',
    });
    expect(told).toEqual([]);
    expect((await run(['suspend', '/srv/b/orders.db', ...place])).code).toBe(0);
    expect(told).toEqual([12]);
    expect((await run(['suspend', 'orders', '--all', ...place])).code).toBe(0);
    expect(told.toSorted((a, b) => a - b)).toEqual([11, 12, 12]);
  });

  it('is perhaps a process that gives no answer: then nothing is determined', async () => {
    const orders: Orders = {};
    await using directory = await neighbours(orders);
    await directory.add(99, hangingUp);
    const place = ['--runtime-dir', directory.path];
    const unknown = await run(['suspend', 'other', ...place]);
    expect(unknown.code).toBe(3);
    expect(unknown.err).toContain('nothing was done, 1 did not answer');
    expect((await run(['suspend', 'orders', ...place])).code).toBe(3);
    expect(orders[11]).toHaveLength(1);
    expect((await run(['suspend', 'orders', '--pid', '11', ...place])).code).toBe(0);
  });

  it.each([
    [['log-level', 'debug']],
    [['threshold', 'oldestWait', '2s']],
    [['echo', 'on']],
    [['reload']],
    [['flush', '--all']],
    [['flush', '--all', '--pid', '13']],
  ] as const)('by %j is also who has only databases by pattern, and none open', async ([...argv]) => {
    const told: ControlOrder[] = [];
    await using directory = await runtimeDirectory();
    const snapshot = serviceSnapshot({ pid: 13, databases: [], onDemand: [tenantPattern()] });
    const obey = ({ order }: ControlRequest): ControlProgress => {
      told.push(order);
      const isSetting = order.verb !== 'flush';
      return isSetting ? reloaded({ outcome: 'unchanged', changes: [], problems: [] }) : done();
    };
    await directory.add(13, obeying(snapshot, obey));
    const { code, out, err } = await run([...argv, '--runtime-dir', directory.path]);
    expect({ code, err, told: told.length }).toEqual({ code: 0, err: '', told: 1 });
    expect(out).toMatch(/13 +\S+ .*done/);
  });

  it('is not said to be asked wrongly where a process gives no answer that may be meant', async () => {
    const misuse = { code: 'HIVEDB_E_CONFIG', message: 'size is too small' };
    await using directory = await neighbours({}, () => done(changed('orders', { failure: misuse })));
    const argv = ['resize', 'orders', '--size', '1', '--runtime-dir', directory.path];
    expect((await run(argv)).code).toBe(2);
    await directory.add(99, hangingUp);
    expect((await run(argv)).code).toBe(3);
    expect((await run([...argv, '--pid', '11'])).code).toBe(2);
  });

  it('is nobody where nobody is there', async () => {
    await using directory = await runtimeDirectory();
    const { code, out, err } = await run(['flush', '--all', '--runtime-dir', directory.path]);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toContain('no process found');
  });
});

describe('what is told', () => {
  it.each([
    [['resize', 'orders', '--size', '8'], { verb: 'resize', database: 'orders', size: 8, maxOverflow: undefined }],
    [
      ['resize', 'orders', '--max-overflow', '0'],
      { verb: 'resize', database: 'orders', size: undefined, maxOverflow: 0 },
    ],
    [['resume', 'orders'], { verb: 'resume', database: 'orders' }],
    // Nothing in use is touched unless somebody says so.
    [['flush', 'orders'], { verb: 'flush', database: 'orders', mode: 'idle' }],
    [['flush', 'orders', '--mode', 'leaked'], { verb: 'flush', database: 'orders', mode: 'leaked' }],
    [['flush', '--all'], { verb: 'flush', database: undefined, mode: 'all' }],
    [['flush', '--all', '--mode', 'graceful'], { verb: 'flush', database: undefined, mode: 'graceful' }],
    [['echo', 'on'], { verb: 'echo', database: undefined, of: 'statements', echo: true }],
    [['echo', 'off', '/srv/orders.db'], { verb: 'echo', database: 'orders', of: 'statements', echo: false }],
    [['echo', 'debug', 'orders', '--of', 'pool'], { verb: 'echo', database: 'orders', of: 'pool', echo: 'debug' }],
    [['log-level', 'silent'], { verb: 'log-level', level: 'silent' }],
    [['log-level', 'default'], { verb: 'log-level', level: 'default' }],
    [
      ['threshold', 'walSize', '128MiB'],
      { verb: 'threshold', database: undefined, name: 'walBytes', value: 128 * 1024 ** 2 },
    ],
    [
      ['threshold', 'oldestWait', '2s', '/srv/orders.db'],
      { verb: 'threshold', database: 'orders', name: 'oldestWaitMs', value: 2_000 },
    ],
    [
      ['threshold', 'utilisationWarn', '0.9', 'orders'],
      { verb: 'threshold', database: 'orders', name: 'utilisationWarn', value: 0.9 },
    ],
    [
      ['threshold', 'warnWhenDeprecated', 'true'],
      { verb: 'threshold', database: undefined, name: 'warnWhenDeprecated', value: true },
    ],
    [
      ['threshold', 'leaseAge', 'default', 'orders'],
      { verb: 'threshold', database: 'orders', name: 'leaseMs', value: 'default' },
    ],
    [['reload'], { verb: 'reload' }],
  ] as const)('by %j is %j', async (argv, order) => {
    const orders: Orders = {};
    await using directory = await neighbours(orders);
    await run([...argv, '--runtime-dir', directory.path]);
    expect(orders[11]).toEqual([order]);
  });

  it('gives a process the time that its settings file may take to be complete, for a reload alone', async () => {
    const waits: number[] = [];
    await using directory = await runtimeDirectory();
    const shop = serviceSnapshot({ app: 'shop', pid: 11 });
    await directory.add(
      11,
      obeying(shop, ({ timeoutMs }) => {
        waits.push(timeoutMs);
        return reloaded({ outcome: 'unchanged', changes: [], problems: [] });
      }),
    );
    const commands = [
      ['reload', '--timeout', '1s'],
      ['reload', '--timeout', '60s'],
      ['log-level', 'debug', '--timeout', '1s'],
    ];
    for (const argv of commands) await run([...argv, '--runtime-dir', directory.path]);
    expect(waits).toEqual([7_000, 60_000, 1_000]);
  });
});

describe('what became of it', () => {
  const queued: ControlProgress = {
    state: 'queued',
    blockedMs: 9_000,
    label: 'report\u001b[2J',
    statement: 'SELECT 1',
  };

  it('is said process by process, with who had a connection taken away', async () => {
    const revoked = [
      { label: 'nightly import', use: 'session', ageMs: 41_200, acquiredAt: 'import.ts:12:3' },
      { label: 'evil\u001b[2J', use: 'read', ageMs: 3, acquiredAt: undefined },
    ] as const;
    await using directory = await neighbours({}, (pid) =>
      pid === 11 ? done(changed('orders', { destroyed: 3, revoked })) : queued,
    );
    const { code, out } = await run(['flush', '--all', '--runtime-dir', directory.path]);
    expect(code).toBe(3);
    expect(out).toBe(
      [
        'PID  APP       DATABASE  OUTCOME  WHAT',
        ' 11  shop      orders    done     3 closed, 2 of them in use',
        ' 12  importer  all       queued   -',
        '',
        'PID  DATABASE  TAKEN FROM    HELD  LABEL           WHERE',
        ' 11  orders    session     41.2 s  nightly import  import.ts:12:3',
        ' 11  orders    read          3 ms  evil\u{FFFD}[2J        -',
        '',
        'process 12: its main thread is busy; it will be done when that is free (blocked',
        'for 9 s inside "report\u{FFFD}[2J": SELECT 1)',
        '',
      ].join('\n'),
    );
  });

  it('says from what to what, and what is too many until it comes back', async () => {
    await using directory = await neighbours({}, (pid) => {
      if (pid === 12) return done(changed('orders', { after: { ...state, status: 'suspended' } }));
      return done(
        changed('orders', { after: { ...state, size: 1, maxOverflow: 0 } }),
        changed('stock', { before: { ...state, live: 4 }, after: { ...state, size: 2 } }),
      );
    });
    const { code, out } = await run(['resize', 'orders', '--size', '1', '--runtime-dir', directory.path]);
    expect(code).toBe(0);
    expect(out).toContain('size 4 -> 1, 1 in use beyond it');
    expect(out).toContain('size 4 -> 2, 2 idle closed');
    expect(out).toContain('open -> suspended');
  });

  const failure = { code: 'HIVEDB_E_CONFIG', message: 'no\u001b[2J' };
  it.each([
    ['done', done(changed('orders')), 0],
    ['failed', done(changed('orders', { failure })), 1],
    ['refused', { state: 'done', report: { databases: [], settings: undefined, refusal: failure } }, 1],
    ['queued', queued, 3],
    ['begun', { state: 'begun' }, 3],
  ] as const)('is %s in one process: the others are done all the same', async (outcome, progress, exit) => {
    await using directory = await neighbours({}, (pid) => (pid === 12 ? progress : done(changed('orders'))));
    const argv = ['resize', 'orders', '--size', '3', '--runtime-dir', directory.path];
    const { code, out } = await run([...argv, '--json']);
    expect(code).toBe(exit);
    expect(misfits(JSON.parse(out), contract('resize'))).toEqual([]);
    const { processes } = JSON.parse(out) as { processes: { outcome: string; reason: string | null }[] };
    expect(processes.map((one) => one.outcome)).toEqual(['done', outcome]);
    expect(processes[1]!.reason === null).toBe(outcome === 'done');
    expect((await run(argv)).out).not.toContain('\u001b');
  });

  it.each([
    [
      ['threshold', 'utilisationWarn', '0.99'],
      { state: 'done', report: { databases: [], settings: undefined, refusal: failure } },
    ],
    [['resize', 'orders', '--size', '1'], done(changed('orders', { failure }))],
  ] as const)(
    'is wrong use where what %j asks for contradicts what else is in force in every process',
    async (argv, progress) => {
      await using directory = await neighbours({}, () => progress);
      const { code, out } = await run([...argv, '--runtime-dir', directory.path]);
      expect(code).toBe(2);
      expect(out).toContain('process 11: no\u{FFFD}[2J\n');
      expect(out).toContain('process 12: no\u{FFFD}[2J\n');
    },
  );

  it('names the setting by its end where there is no room for all of it', async () => {
    const key = 'databases.orders.health.utilisationWarn';
    const change = {
      key,
      from: '0.8',
      fromOrigin: 'default',
      to: '0.9',
      toOrigin: 'by hand (process 17)',
      effect: 'applied',
    } as const;
    await using directory = await neighbours({}, () =>
      reloaded({ outcome: 'applied', changes: [change], problems: [] }),
    );
    const { out } = await run(['threshold', 'utilisationWarn', '0.9', 'orders', '--runtime-dir', directory.path]);
    expect(out).toMatch(/…\S*utilisationWarn  0\.8  0\.9  applied/);
  });

  it('is a finding where a process fails for another reason', async () => {
    const lost = { code: 'HIVEDB_E_IO', message: 'no' };
    await using directory = await neighbours({}, () => done(changed('orders', { failure: lost })));
    expect((await run(['resize', 'orders', '--size', '1', '--runtime-dir', directory.path])).code).toBe(1);
  });

  it('is unknown where a process hangs up, and refused where it is too old for it', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot({ pid: 11 }));
    const { code, out } = await run(['suspend', 'orders', '--json', '--runtime-dir', directory.path]);
    // It answers with a snapshot, whatever it is told.
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      processes: [{ outcome: 'unknown', reason: expect.stringContaining('is not known') as string }],
    });
  });
});

describe('what came of reading settings again', () => {
  const changes = [
    { key: 'pool.size', from: '4', fromOrigin: 'default', to: '8', toOrigin: 'settings.yaml:3', effect: 'applied' },
    {
      key: 'durability',
      from: 'full',
      fromOrigin: 'default',
      to: 'normal',
      toOrigin: 'x\u001b[2J',
      effect: 'needs-restart',
    },
  ] as const;
  it('is said setting by setting, and why nothing changed where that is so', async () => {
    await using directory = await neighbours({}, (pid) =>
      pid === 11
        ? reloaded({ outcome: 'applied', changes, problems: [] })
        : reloaded({ outcome: 'invalid', changes: [], problems: ['settings.yaml:3: no\u001b[2J'] }),
    );
    const argv = ['reload', '--runtime-dir', directory.path];
    const { code, out } = await run(argv, { terminal: { columns: 120, rows: 24 }, env: { NO_COLOR: '1' } });
    expect(code).toBe(1);
    expect(out).toBe(
      [
        'PID  APP       OUTCOME  SETTING     WAS   IS      EFFECT           FROM',
        ' 11  shop      done     pool.size   4     8       applied          settings.yaml:3',
        ' 11  shop      done     durability  full  normal  needs a restart  x\u{FFFD}[2J',
        ' 12  importer  failed   -',
        '',
        'process 12: its settings are not valid; it goes on with those that it had',
        '  settings.yaml:3: no\u{FFFD}[2J',
        '',
      ].join('\n'),
    );
    const { out: json } = await run([...argv, '--json']);
    expect(misfits(JSON.parse(json), contract('reload'))).toEqual([]);
  });

  it('is fine where nothing has changed', async () => {
    await using directory = await neighbours({}, () => reloaded({ outcome: 'unchanged', changes: [], problems: [] }));
    const { code, out } = await run(['reload', '--app', 'shop', '--runtime-dir', directory.path]);
    expect(code).toBe(0);
    expect(out).toContain('nothing has changed');
  });
});

describe('what came of changing something by hand', () => {
  it('is said setting by setting, in a document of its own', async () => {
    const toOrigin = 'by hand (process 17)';
    const key = 'databases.orders.echo';
    const change = { key, from: 'false', fromOrigin: 'default', to: 'true', toOrigin, effect: 'applied' } as const;
    await using directory = await neighbours({}, () =>
      reloaded({ outcome: 'applied', changes: [change], problems: [] }),
    );
    const argv = ['echo', 'on', 'orders', '--app', 'shop', '--runtime-dir', directory.path];
    const { code, out } = await run(argv, { terminal: { columns: 120, rows: 24 }, env: { NO_COLOR: '1' } });
    expect({ code, out }).toEqual({
      code: 0,
      out: [
        'PID  APP   OUTCOME  SETTING                WAS    IS    EFFECT   FROM',
        ' 11  shop  done     databases.orders.echo  false  true  applied  by hand (process 17)',
        '',
      ].join('\n'),
    });
    const { out: json } = await run([...argv, '--json']);
    expect(JSON.parse(json)).toMatchObject({ schema: 'hive-db/echo/v1' });
    expect(misfits(JSON.parse(json), contract('echo'))).toEqual([]);
  });

  it('is wrong use where the word is none', async () => {
    for (const argv of [
      ['log-level', 'loud'],
      ['log-level'],
      ['echo', 'yes'],
      ['echo', 'on', '--of', 'values'],
      ['threshold', 'walSize'],
    ])
      expect(await run(argv)).toMatchObject({ code: 2, out: '' });
  });
});

describe('integration: a real process', () => {
  it('loses what it holds to an emergency, is well afterwards, and says so', async () => {
    using place = temporaryDirectory();
    await using shop = await startShop(place.path);
    await shop.tell('session');
    await shop.tell('lock');
    await shop.tell('ask');
    const here = ['--runtime-dir', shop.runtimeDirectory];
    const { code, out } = await run(['flush', '--all', ...here]);
    expect(code).toBe(0);
    expect(out).toMatch(/session +[\d.]+ m?s +nightly import +\S*service\.mjs/);
    expect(out).toMatch(/write +[\d.]+ m?s +move stock/);
    expect((await run(['suspend', 'stock', ...here])).out).toMatch(/stock +done +open -> suspended/);
    expect((await run(['resume', 'stock', ...here])).out).toMatch(/stock +done +suspended -> open/);
    expect((await run(['resize', 'stock', '--size', '9', ...here])).out).toMatch(/stock +done +size 4 -> 9/);
    const { out: after } = await run(['ps', ...here]);
    expect(after).not.toMatch(/session|move stock/);
  });

  it('whose main thread stands still is told that it is to do it later', async () => {
    using place = temporaryDirectory();
    await using shop = await startShop(place.path);
    await shop.tell('freeze');
    const { code, out } = await run(['suspend', 'orders', '--timeout', '1s', '--runtime-dir', shop.runtimeDirectory]);
    expect(code).toBe(3);
    expect(out).toMatch(/orders +queued/);
    expect(out).toMatch(/blocked\s+for/);
  });
});
