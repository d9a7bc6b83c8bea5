import { VirtualClock } from '@hive/shared-db/testing';
import {
  CONTROL_VERBS,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeOrder,
  FLUSH_MODES,
  MAX_REQUEST_BYTES,
  type ControlOrder,
  type ControlProgress,
  type ControlReport,
} from '@hive/shared-db/presence';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderBook } from '../../dist/presence/order-book.js';
import { replay } from '../support/replay.ts';

const lineOf = (message: unknown): Uint8Array => Buffer.from(JSON.stringify(message));
const ORDER = { schema: 'hive-db/request/v1', by: 17, timeoutMs: 1_000 };

const ORDERS: readonly ControlOrder[] = [
  { verb: 'resize', database: 'orders', size: 8, maxOverflow: 2 },
  { verb: 'resize', database: 'orders', size: undefined, maxOverflow: 0 },
  { verb: 'suspend', database: 'orders' },
  { verb: 'resume', database: 'orders' },
  { verb: 'flush', database: undefined, mode: 'all' },
  ...FLUSH_MODES.map((mode): ControlOrder => ({ verb: 'flush', database: 'orders', mode })),
  { verb: 'echo', database: undefined, of: 'statements', echo: true },
  { verb: 'echo', database: 'orders', of: 'pool', echo: 'debug' },
  { verb: 'log-level', level: 'silent' },
  { verb: 'log-level', level: 'default' },
  { verb: 'threshold', database: undefined, name: 'walBytes', value: 4_096 },
  { verb: 'threshold', database: 'orders', name: 'failWhenSaturated', value: true },
  { verb: 'threshold', database: 'orders', name: 'utilisationWarn', value: 'default' },
  { verb: 'reload' },
];

const state = { status: 'open', size: 4, maxOverflow: 0, live: 2, leased: 1 } as const;
const report: ControlReport = {
  databases: [
    {
      database: 'orders',
      before: state,
      after: { ...state, status: 'suspended' },
      destroyed: 1,
      revoked: [{ label: 'import', use: 'session', ageMs: 3, acquiredAt: 'import.ts:3' }],
      failure: { code: 'HIVEDB_E_CONFIG', message: 'no' },
    },
  ],
  settings: {
    outcome: 'applied',
    changes: [
      { key: 'pool.size', from: '4', fromOrigin: 'default', to: '8', toOrigin: 'settings.yaml:3', effect: 'applied' },
    ],
    problems: ['settings.yaml:3: no'],
  },
  refusal: { code: 'HIVEDB_E_NAME', message: 'there is none' },
};

describe('an order', () => {
  it('arrives as it was given, in one line', () => {
    for (const order of ORDERS) {
      const line = encodeOrder({ order, by: 17, timeoutMs: 1_000 });
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(line.length).toBeLessThan(MAX_REQUEST_BYTES);
      expect(decodeRequest(Buffer.from(line.trimEnd()))).toEqual({
        kind: 'control',
        request: { order, by: 17, timeoutMs: 1_000 },
      });
    }
    expect(new Set(ORDERS.map(({ verb }) => verb))).toEqual(new Set(CONTROL_VERBS));
  });

  it.each([
    [{ verb: 'resize', database: 'orders' }, 'resize has neither size nor maxOverflow'],
    ...[0, -1, 1.5, 1_001, '8', null, Number.NaN, [8]].map((size) => [
      { verb: 'resize', database: 'orders', size },
      'size is not a whole number from 1 to 1000',
    ]),
    [
      { verb: 'resize', database: 'orders', size: 1, maxOverflow: -1 },
      'maxOverflow is not a whole number from 0 to 1000',
    ],
    ...['', 'Orders', '../orders', 'a b', '\u001b[2J', 'x'.repeat(64), 7, null, ['orders'], {}].map((database) => [
      { verb: 'suspend', database },
      'database is not the name of a database',
    ]),
    [{ verb: 'suspend' }, 'database is not the name of a database'],
    [{ verb: 'flush', database: null, mode: 'all' }, 'database is not the name of a database'],
    ...['everything', '', undefined, null, 1, ['all'], 'constructor'].map((mode) => [
      { verb: 'flush', mode },
      'mode is not idle, all, leaked or graceful',
    ]),
    ...['loud', '', undefined, null, 1, ['debug'], 'constructor', 'DEBUG', 'x'.repeat(3_000)].map((level) => [
      { verb: 'log-level', level },
      'level is not debug, info, warn, error, silent or default',
    ]),
    ...['values', undefined, null, 'constructor'].map((of) => [
      { verb: 'echo', of, echo: true },
      'of is not statements or pool',
    ]),
    ...['on', undefined, null, 1, 'true'].map((echo) => [
      { verb: 'echo', of: 'statements', echo },
      'echo is not true, false or debug',
    ]),
    [{ verb: 'echo', database: '\u001b[2J', of: 'pool', echo: true }, 'database is not the name of a database'],
    [{ verb: 'echo', database: null, of: 'pool', echo: true }, 'database is not the name of a database'],
    ...['walSize', '', undefined, null, 1, ['walBytes'], 'constructor', '__proto__'].map((name) => [
      { verb: 'threshold', name, value: 1 },
      'name is not that of a threshold',
    ]),
    ...['1MiB', undefined, null, [1], {}, Number.NaN].map((value) => [
      { verb: 'threshold', name: 'walBytes', value },
      'value is not a number, true, false or default',
    ]),
    [{ verb: 'threshold', database: null, name: 'walBytes', value: 1 }, 'database is not the name of a database'],
    [{ verb: 'log-level', level: 'debug', database: 'orders' }, 'log-level has a field that it does not know'],
    [{ verb: 'reload', path: '/etc/passwd' }, 'reload has a field that it does not know'],
    [{ verb: 'flush', mode: 'all', sql: 'DROP TABLE x' }, 'flush has a field that it does not know'],
    [{ verb: 'suspend', database: 'orders', size: 1 }, 'suspend has a field that it does not know'],
    ...[0, -1, 1.5, '17', undefined, null, 2 ** 31].map((by) => [
      { verb: 'reload', by },
      'by is not the number of a process',
    ]),
    ...[0, 60_001, '1s', undefined, null].map((timeoutMs) => [
      { verb: 'reload', timeoutMs },
      'timeoutMs is not a whole number from 1 to 60000',
    ]),
  ] as readonly (readonly [object, string])[])('is refused as %j', (fields, fault) => {
    expect(decodeRequest(lineOf({ ...ORDER, ...fields }))).toEqual({ kind: 'wrong-order', fault });
  });

  it('of any fields is understood completely or refused with a sentence of ours', () => {
    const fields = fc.record(
      {
        verb: fc.constantFrom<string>(...CONTROL_VERBS),
        database: fc.oneof(
          fc.constant('orders'),
          fc.json().map((text) => JSON.parse(text) as unknown),
        ),
        size: fc.oneof(fc.integer(), fc.anything()),
        mode: fc.oneof(fc.constantFrom<string>(...FLUSH_MODES), fc.string()),
        of: fc.oneof(fc.constant('pool'), fc.string()),
        echo: fc.oneof(fc.boolean(), fc.anything()),
        level: fc.oneof(fc.constant('warn'), fc.string()),
        name: fc.oneof(fc.constant('walBytes'), fc.string()),
        value: fc.oneof(fc.integer(), fc.anything()),
      },
      { requiredKeys: ['verb'] },
    );
    fc.assert(
      fc.property(fields, (given) => {
        const request = decodeRequest(lineOf({ ...ORDER, ...given }));
        if (request.kind === 'wrong-order') expect(request.fault).toMatch(/^[\w ,-]+$/);
        else expect(request).toMatchObject({ kind: 'control', request: { order: { verb: given.verb }, by: 17 } });
      }),
      replay({ numRuns: 300 }),
    );
  });
});

describe('what came of an order', () => {
  const PROGRESS: readonly ControlProgress[] = [
    { state: 'done', report },
    { state: 'done', report: { databases: [], settings: undefined, refusal: undefined } },
    { state: 'queued', blockedMs: 9_000, label: 'report', statement: 'SELECT 1' },
    { state: 'queued', blockedMs: 9_000, label: undefined, statement: undefined },
    { state: 'begun' },
  ];

  it('arrives as it was said', () => {
    for (const progress of PROGRESS) {
      const arrived = decodeAnswer(Buffer.from(encodeAnswer({ kind: 'control', progress }).trimEnd()));
      expect(JSON.parse(JSON.stringify(arrived))).toEqual(JSON.parse(JSON.stringify({ kind: 'control', progress })));
    }
  });

  it.each([
    [null, 'progress is not an object'],
    [{ state: 'later' }, 'progress.state is no word that is known here'],
    [{ state: 'done' }, 'progress.report is not an object'],
    [{ state: 'queued', blockedMs: 'long' }, 'progress.blockedMs is not a number'],
    [
      {
        state: 'done',
        report: { ...report, databases: [{ ...report.databases[0], after: { ...state, size: '1' } }] },
      },
      'progress.report.databases[0].after.size is not a number',
    ],
    [{ state: 'done', report: { ...report, refusal: { code: 1 } } }, 'progress.report.refusal.code is not a string'],
  ])('is rubbish as %j', (progress, reason) => {
    expect(decodeAnswer(lineOf({ schema: 'hive-db/answer/v1', ok: true, progress }))).toEqual({
      kind: 'rubbish',
      reason,
    });
  });
});

const queued = (): ControlProgress => ({ state: 'queued', blockedMs: 7, label: 'report', statement: undefined });

describe('the orders that a sentinel passes on', () => {
  it('are answered with what was done', async () => {
    const book = new OrderBook(new VirtualClock());
    const { id, progress } = book.take(700, queued);
    book.begun(id);
    book.ended(id, report);
    expect(await progress).toEqual({ state: 'done', report });
  });

  it('are answered as queued where nothing has begun in time, and as begun where it has', async () => {
    const clock = new VirtualClock();
    const book = new OrderBook(clock);
    const first = book.take(700, queued);
    const second = book.take(700, queued);
    book.begun(second.id);
    await clock.advance(700);
    expect(await first.progress).toEqual(queued());
    expect(await second.progress).toEqual({ state: 'begun' });
    // The end of it is for the log.
    book.begun(first.id);
    book.ended(first.id, report);
    book.ended(second.id, undefined);
  });

  it('fail where they could not be carried out', async () => {
    const book = new OrderBook(new VirtualClock());
    const { id, progress } = book.take(700, queued);
    book.ended(id, undefined);
    await expect(progress).rejects.toThrow('without a report');
  });
});
