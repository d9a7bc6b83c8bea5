import type { ServiceSnapshot } from '@hive/shared-db';
import { DEFAULT_DATABASE_THRESHOLDS, judge } from '@hive/shared-db/health';
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  MAX_REQUEST_BYTES,
  VERBS,
  type DecodedAnswer,
} from '@hive/shared-db/presence';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replay } from '../support/replay.ts';
import { healthyDatabase, healthyService, healthyServiceTrend, healthyTrend } from '../support/snapshots.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const lineOf = (message: unknown): Uint8Array => bytes(JSON.stringify(message));
const answerWith = (snapshot: unknown): DecodedAnswer =>
  decodeAnswer(lineOf({ schema: 'hive-db/answer/v1', ok: true, snapshot }));

/** What arrives when a snapshot is sent: undefined fields are not. */
const asSent = (snapshot: ServiceSnapshot): ServiceSnapshot => JSON.parse(JSON.stringify(snapshot)) as ServiceSnapshot;

/** A snapshot with something in every list and every optional field. */
const full = healthyService({
  labels: [{ label: 'list orders', calls: 3, failures: 0, sumMs: 4, maxMs: 2, callSite: 'list (main.ts:3:1)' }],
  databases: [
    healthyDatabase({
      failure: { code: 'HIVEDB_E_IO', message: 'disk I/O error' },
      limits: {
        acquireTimeoutMs: 10_000,
        recycleMs: 0,
        server: { name: 'db:5432', maxConnections: 100, idleLimitMs: 600_000 },
      },
      leases: [
        {
          id: 1,
          resourceId: 2,
          owner: 'list orders',
          ageMs: 3,
          idleMs: 3,
          suspect: false,
          acquiredAt: 'at main.ts:3',
          allowedMs: 600_000,
          use: 'read',
        },
      ],
      lane: { running: 1, writer: { label: 'move stock', heldMs: 5, lockedMs: 4, changedMs: 3 } },
      repair: { sinceMs: 1, attempts: 2, phase: 'waiting', nextAttemptMs: 3, found: 'nothing', damaged: false },
      turns: {
        mode: 'polling',
        reason: 'nobody listens',
        waiting: 1,
        oldestWaitMs: 2,
        heldMs: 3,
        granted: 4,
        polled: 5,
        polledAgoMs: 6,
      },
      waiters: [{ owner: 'save order', waitMs: 4, use: 'read' }],
      statements: [{ statement: 'SELECT 1', runs: 2, sumMs: 3, maxMs: 2 }],
      slowStatements: [{ statement: 'SELECT 1', label: 'list orders', ms: 120, at: 7 }],
      slowRuns: 1,
      counters: { errors: { HIVEDB_E_BUSY_TIMEOUT: 2 } },
      thresholds: DEFAULT_DATABASE_THRESHOLDS,
      trend: healthyTrend({ acquireMs: 3, usualAcquireMs: 2, errors: { HIVEDB_E_IO: 1 }, closed: { invalid: 1 } }),
      pool: { waitTime: { count: 1, sumMs: 2, maxMs: 2, buckets: [{ leMs: 2.048, count: 1 }] } },
    }),
  ],
  trend: {
    ...healthyServiceTrend(),
    raised: [{ code: 'wal', database: 'orders', subject: 'one', sinceMs: 1, lastOverMs: 2, isCritical: false }],
    deprecated: [{ code: 'HIVEDB_DEP0001', calledMs: 3 }],
  },
  fallbacks: [{ database: 'stock', reason: 'the service is closed' }],
  deprecations: [{ code: 'HIVEDB_DEP0001', replacement: 'x', calls: 1, callSites: ['a.ts:1'] }],
  warnings: ['another SQLite engine is loaded'],
});

type Path = readonly (string | number)[];

/** Every place in plain data, leaves and branches alike. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const children = Array.isArray(value)
    ? value.flatMap((child, index) => pathsOf(child, [...path, index]))
    : Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...path, key]));
  return [path, ...children];
}

/** A copy with something else at one place. */
function replaced(value: unknown, [step, ...rest]: Path, substitute: unknown): unknown {
  if (step === undefined) return substitute;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[step] = replaced(copy[step], rest, substitute);
  return copy;
}

describe('a request', () => {
  it.each(VERBS)('%s arrives as it was sent, in one line', (verb) => {
    const line = encodeRequest(verb);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(line.length).toBeLessThan(MAX_REQUEST_BYTES);
    expect(decodeRequest(bytes(line.trimEnd()))).toEqual({ kind: 'request', verb });
  });

  it('has the documented form', () => {
    expect(encodeRequest('snapshot')).toBe('{"schema":"hive-db/request/v1","verb":"snapshot"}\n');
  });

  it('with a verb that nobody knows is told from rubbish, also where the verb is a name of JavaScript', () => {
    for (const verb of ['sql', '', 'constructor', '__proto__'])
      expect(decodeRequest(lineOf({ schema: 'hive-db/request/v1', verb }))).toEqual({ kind: 'unknown-verb', verb });
  });

  it.each([
    '',
    'null',
    '[]',
    '"snapshot"',
    'GET / HTTP/1.1\r',
    '{"verb":"snapshot"}',
    '{"schema":"hive-db/request/v2","verb":"snapshot"}',
    '{"schema":"hive-db/request/v1"}',
    '{"schema":"hive-db/request/v1","verb":["snapshot"]}',
  ])('is rubbish as %j', (text) => {
    expect(decodeRequest(bytes(text))).toEqual({ kind: 'rubbish' });
  });

  it('is decoded to one of three things from any bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytes)), (line) => {
        expect(['request', 'unknown-verb', 'rubbish']).toContain(decodeRequest(line).kind);
      }),
      replay(),
    );
  });
});

describe('an answer', () => {
  it('carries a snapshot unchanged, whatever its texts are, in one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.string()), (app, warnings) => {
        const snapshot = { ...full, app, warnings };
        const line = encodeAnswer({ kind: 'snapshot', snapshot });
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(decodeAnswer(bytes(line))).toEqual({ kind: 'snapshot', snapshot: asSent(snapshot) });
      }),
      replay(),
    );
  });

  it('has the documented form', () => {
    const line = encodeAnswer({ kind: 'snapshot', snapshot: full });
    expect(JSON.parse(line)).toEqual({ schema: 'hive-db/answer/v1', ok: true, snapshot: asSent(full) });
  });

  it('says in our own words why there is none, whatever was sent', () => {
    fc.assert(
      fc.property(fc.constantFrom('UNKNOWN_VERB', 'NO_SNAPSHOT'), fc.string(), (code, message) => {
        const decoded = decodeAnswer(lineOf({ schema: 'hive-db/answer/v1', ok: false, error: { code, message } }));
        expect(decoded).toMatchObject({ kind: 'refusal', code, message: expect.stringMatching(/^the process /) });
      }),
      replay(),
    );
  });

  it.each([
    '',
    'null',
    '{"ok":true}',
    '{"schema":"hive-db/answer/v2","ok":true,"snapshot":{}}',
    '{"schema":"hive-db/answer/v1"}',
    '{"schema":"hive-db/answer/v1","ok":false}',
    '{"schema":"hive-db/answer/v1","ok":false,"error":{"code":"toString"}}',
    '{"schema":"hive-db/answer/v1","ok":"yes","snapshot":{}}',
  ])('is rubbish as %j', (text) => {
    expect(decodeAnswer(bytes(text)).kind).toBe('rubbish');
  });

  it('is rubbish when any one place of the snapshot holds something else', () => {
    for (const path of pathsOf(asSent(full)))
      for (const wrong of [null, { nothing: {} }, [[]]]) {
        const decoded = answerWith(replaced(asSent(full), path, wrong));
        expect(decoded.kind, `${path.join('.')} = ${JSON.stringify(wrong)}`).toBe('rubbish');
      }
  });

  it('names the place that is wrong', () => {
    const broken = replaced(asSent(full), ['databases', 0, 'pool', 'size'], 'four');
    expect(answerWith(broken)).toEqual({
      kind: 'rubbish',
      reason: 'snapshot.databases[0].pool.size is not a number',
    });
  });

  it('never repeats what was sent in its reason', () => {
    const errors = { 'secret\u001b[2J': 'x' };
    const decoded = answerWith(replaced(asSent(full), ['databases', 0, 'counters', 'errors'], errors));
    expect(decoded).toEqual({
      kind: 'rubbish',
      reason: 'snapshot.databases[0].counters.errors has a key that is not known here',
    });
  });

  it.each<readonly [string, Path]>([
    ['a state of a database', ['databases', 0, 'status']],
    ['a state of a pool', ['databases', 0, 'pool', 'status']],
  ])('is rubbish with %s that nobody knows, also where it is a name of JavaScript', (_, path) => {
    for (const word of ['hibernating', 'constructor', '__proto__', ''])
      expect(answerWith(replaced(asSent(full), path, word))).toEqual({
        kind: 'rubbish',
        reason: `snapshot.${path.join('.').replace('.0.', '[0].')} is no word that is known here`,
      });
  });

  it('is rubbish with a number that is none here', () => {
    const text = JSON.stringify({ schema: 'hive-db/answer/v1', ok: true, snapshot: { ...full, takenAt: -12.5 } });
    expect(decodeAnswer(bytes(text)).kind).toBe('snapshot');
    expect(decodeAnswer(bytes(text.replace('-12.5', '1e999'))).kind).toBe('rubbish');
  });

  it('that is taken for a snapshot can be judged, whatever stands in it', () => {
    const word = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', 'open', 'closed'));
    const anything = fc.oneof(fc.double(), word, fc.boolean(), fc.constantFrom(null, [], {}, 1e308, -1));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...pathsOf(asSent(full))), anything), { maxLength: 6 }),
        (changes) => {
          const sent = changes.reduce<unknown>((tree, [path, value]) => {
            try {
              return replaced(tree, path, value);
            } catch {
              return tree; // An earlier change has taken the place away.
            }
          }, asSent(full));
          const decoded = answerWith(sent);
          if (decoded.kind === 'snapshot') expect(['pass', 'warn', 'fail']).toContain(judge(decoded.snapshot).status);
        },
      ),
      replay({ numRuns: 500 }),
    );
  });

  it('may have more fields than are known', () => {
    const decoded = answerWith({ ...asSent(full), novelty: 1 });
    expect(decoded.kind).toBe('snapshot');
  });

  it('is decoded to one of three things from any bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytes)), (line) => {
        expect(['snapshot', 'refusal', 'rubbish']).toContain(decodeAnswer(line).kind);
      }),
      replay(),
    );
  });

  it('that is cut short is rubbish, wherever that is, and so is a request', () => {
    for (const [line, decode] of [
      [encodeAnswer({ kind: 'snapshot', snapshot: full }), decodeAnswer],
      [encodeAnswer({ kind: 'refusal', code: 'NO_SNAPSHOT', message: 'none' }), decodeAnswer],
      [encodeRequest('snapshot'), decodeRequest],
    ] as const) {
      const whole = bytes(line.trimEnd());
      fc.assert(
        fc.property(fc.nat(whole.length - 1), (length) => decode(whole.subarray(0, length)).kind === 'rubbish'),
        replay(),
      );
    }
  });

  it('with a few bytes changed is decoded to one of three things, and what is taken for a snapshot is one', () => {
    const whole = Buffer.from(encodeAnswer({ kind: 'snapshot', snapshot: full }).trimEnd());
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const sent = Buffer.from(whole);
          for (const [at, value] of changes) sent[at] = value;
          const decoded = decodeAnswer(sent);
          if (decoded.kind === 'snapshot') expect(['pass', 'warn', 'fail']).toContain(judge(decoded.snapshot).status);
          else expect(decoded.kind).toBe('rubbish');
        },
      ),
      replay({ numRuns: 500 }),
    );
  });

  it('that is deeper than anybody would nest is rubbish', () => {
    for (const text of ['['.repeat(100_000), `{"schema":${'['.repeat(100_000)}`, '{"a":'.repeat(100_000)]) {
      expect(decodeAnswer(bytes(text)).kind).toBe('rubbish');
      expect(decodeRequest(bytes(text)).kind).toBe('rubbish');
    }
  });

  it('is rubbish without any one field, but for those that may be missing', () => {
    const parents = pathsOf(asSent(full)).filter((path) => typeof path.at(-1) === 'string');
    const mayBeMissing = [
      /^databases\.0\.(?:failure|refused|durability|path|fileBytes|walBytes|lane\.writer(?:\.(?:locked|changed)Ms)?|counters\.errors\.\w+)$/,
      /^databases\.0\.(?:leases|waiters)\.0\.(?:owner|acquiredAt|allowedMs)$/,
      /^databases\.0\.repair(?:\.(?:nextAttemptMs|found))?$/,
      /^databases\.0\.pool\.sharedLimit$/,
      /^databases\.0\.limits(?:\.server(?:\.(?:maxConnections|idleLimitMs))?)?$/,
      /^databases\.0\.turns(?:\.(?:reason|heldMs|polledAgoMs))?$/,
      /^databases\.0\.checkpoints(?:\.(?:frames|backfilledFrames|last|pinned|failure))?$/,
      /^databases\.0\.(?:thresholds|trend(?:\.(?:(?:usualA|a)cquireMs|(?:errors|closed)\.\w+))?)$/,
      /^thresholds\.(?:acquireFactor|acquireFloorMs|errorShare|recyclesPerMinute|suspectedLeaks|blockedShare)$/,
      /^trend(?:\.raised\.0\.(?:database|subject))?$|^(?:onDemand|settings)$/,
      /^databases\.0\.slowStatements\.0\.label$|^labels\.0\.callSite$/,
    ];
    for (const path of parents) {
      const place = path.join('.');
      const expected = mayBeMissing.some((places) => places.test(place)) ? 'snapshot' : 'rubbish';
      expect([place, answerWith(replaced(asSent(full), path, undefined)).kind]).toEqual([place, expected]);
    }
  });

  it('is rubbish when it is no text, be it only in a name', () => {
    const sent = Buffer.from(encodeAnswer({ kind: 'snapshot', snapshot: { ...full, app: 'shop' } }).trimEnd());
    for (const byte of [0x80, 0xc0, 0xff]) {
      sent[sent.indexOf('shop')] = byte;
      expect(decodeAnswer(sent).kind).toBe('rubbish');
      sent.write('s', sent.indexOf('hop') - 1);
    }
    expect(decodeAnswer(sent).kind).toBe('snapshot');
  });

  it('is decoded without an exception from any snapshot that is damaged at one place', () => {
    const paths = pathsOf(asSent(full));
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        expect(['snapshot', 'rubbish']).toContain(answerWith(replaced(asSent(full), path, value)).kind);
      }),
      replay(),
    );
  });
});
