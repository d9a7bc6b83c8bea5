import { Histogram } from '@hive/pool';
import type { ServiceSnapshot } from '@hive/shared-db';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { healthServer } from '../support/health-server.ts';
import { replay } from '../support/replay.ts';
import { healthyDatabase, healthyService, TENANTS } from '../support/snapshots.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface ParsedFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** Reads the text format as strictly as its specification: what is not understood is an error. */
function parse(text: string): Map<string, ParsedFamily> {
  expect(text.endsWith('\n')).toBe(true);
  const families = new Map<string, ParsedFamily>();
  const lines = text.slice(0, -1).split('\n');
  let current: { name: string; family: ParsedFamily } | undefined;
  for (let at = 0; at < lines.length; at++) {
    const [, name, help] = /^# HELP (\S+) (.+)$/.exec(lines[at]!) ?? [];
    if (name !== undefined && help !== undefined) {
      const [, typed, type] = /^# TYPE (\S+) (gauge|counter|histogram)$/.exec(lines[++at] ?? '') ?? [];
      if (typed !== name || type === undefined) throw new Error(`no TYPE after the HELP of ${name}`);
      if (families.has(name)) throw new Error(`${name} appears twice`);
      current = { name, family: { type, help, samples: [] } };
      families.set(name, current.family);
      continue;
    }
    const sample = parseSample(lines[at]!);
    const base = sample.name.replace(/_(bucket|sum|count)$/, '');
    const owner = current?.family.type === 'histogram' ? base : sample.name;
    if (current === undefined || owner !== current.name) throw new Error(`${sample.name} is outside its family`);
    current.family.samples.push(sample);
  }
  return families;
}

function parseSample(line: string): Sample {
  const [, name, pairs = '', value] = SAMPLE.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < pairs.length) {
    const [, key, text] = LABEL.exec(pairs) ?? [];
    if (key === undefined || text === undefined) throw new Error(`not labels: ${pairs}`);
    labels[key] = text.replaceAll(/\\(["\\n])/g, (_all, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return { name, labels, value: value === '+Inf' ? Infinity : Number(value) };
}

async function scrape(snapshot: ServiceSnapshot): Promise<Map<string, ParsedFamily>> {
  await using server = await healthServer({ snapshot: () => snapshot });
  const { status, headers, body } = await server.ask('/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parse(body);
}

/** The one value of a metric that has these labels. */
function valueOf(families: Map<string, ParsedFamily>, name: string, labels: Record<string, string>): number {
  const family = families.get(name.replace(/_(bucket|sum|count)$/, '')) ?? families.get(name);
  const found = (families.get(name) ?? family)?.samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, expected]) => sample.labels[key] === expected),
  );
  expect(found, `${name} ${JSON.stringify(labels)}`).toHaveLength(1);
  return found![0]!.value;
}

const family = 'db_client_connection_wait_time_seconds';

/** A service whose callers have waited so long. */
function withWaits(...durationsMs: number[]): ServiceSnapshot {
  const histogram = new Histogram();
  for (const ms of durationsMs) histogram.record(ms);
  return healthyService({ databases: [healthyDatabase({ pool: { waitTime: histogram.snapshot() } })] });
}

/** The bounds of the buckets that are shown for them. */
async function bounds(...durationsMs: number[]): Promise<string[]> {
  const { samples } = (await scrape(withWaits(...durationsMs))).get(family)!;
  return samples.flatMap(({ labels }) => labels['le'] ?? []);
}

describe('metrics', () => {
  const snapshot = healthyService({
    fallbacks: [{ database: 'stock', reason: 'the service is closed' }],
    deprecations: [{ code: 'HIVEDB_DEP0001', replacement: 'x', calls: 7, callSites: [] }],
    databases: [
      healthyDatabase({
        pool: {
          size: 4,
          maxOverflow: 2,
          minIdle: 1,
          live: 6,
          leased: 5,
          idle: 1,
          waiting: 3,
          oldestWaitMs: 1_500,
          counters: { timeouts: 2, waited: 8 },
          budgets: [
            {
              name: 'web',
              reserved: 2,
              max: 6,
              weight: 1,
              leased: 3,
              waiting: 1,
              oldestWaitMs: 1_500,
              counters: { granted: 50, waited: 7, timeouts: 2 },
            },
          ],
        },
        counters: { errors: { HIVEDB_E_BUSY_TIMEOUT: 4 } },
        turns: {
          mode: 'polling',
          reason: 'presence is switched off',
          waiting: 3,
          oldestWaitMs: 250,
          heldMs: undefined,
          granted: 7,
          polled: 9,
          polledAgoMs: 20,
        },
      }),
      healthyDatabase({
        name: 'audit',
        status: 'fenced',
        fileBytes: undefined,
        walBytes: undefined,
        turns: undefined,
        repair: {
          sinceMs: 4_200,
          attempts: 1,
          phase: 'verifying',
          nextAttemptMs: undefined,
          found: undefined,
          damaged: false,
        },
      }),
    ],
  });

  it('say of each budget what it has, may have and was given, and nothing of a database without any', async () => {
    const families = await scrape(snapshot);
    const of = { database: 'orders', budget: 'web' };
    const told = [
      'leases',
      'reserved',
      'max',
      'waiting',
      'oldest_waiter_seconds',
      'granted_total',
      'waited_total',
      'timeouts_total',
    ];
    const samples = told.map((word) => families.get(`hive_db_pool_budget_${word}`)?.samples);
    expect(samples).toMatchObject([3, 2, 6, 1, 1.5, 50, 7, 2].map((value) => [{ labels: of, value }]));
    expect(samples.every((all) => all?.length === 1)).toBe(true);
  });

  it('say of each pattern how many of its databases are open, and who waits', async () => {
    const families = await scrape(healthyService({ onDemand: [TENANTS] }));
    const told = ['open', 'in_use', 'max_open', 'waiting', 'oldest_waiter_seconds', 'opened_total', 'evicted_total'];
    const samples = told.map((word) => families.get(`hive_db_on_demand_${word}`)?.samples);
    const expected = [50, 50, 50, 2, 1.5, 340, 290].map((value) => [{ labels: { pattern: 'tenant-*' }, value }]);
    expect(samples).toMatchObject(expected);
  });

  it('say what OpenTelemetry has words for by its names, for each pool', async () => {
    const families = await scrape(snapshot);
    const orders = { db_client_connection_pool_name: 'orders' };
    expect(valueOf(families, 'db_client_connection_count', { ...orders, db_client_connection_state: 'used' })).toBe(5);
    expect(valueOf(families, 'db_client_connection_count', { ...orders, db_client_connection_state: 'idle' })).toBe(1);
    expect(valueOf(families, 'db_client_connection_max', orders)).toBe(6);
    expect(valueOf(families, 'db_client_connection_idle_max', orders)).toBe(4);
    expect(valueOf(families, 'db_client_connection_idle_min', orders)).toBe(1);
    expect(valueOf(families, 'db_client_connection_pending_requests', orders)).toBe(3);
    expect(valueOf(families, 'db_client_connection_timeouts_total', orders)).toBe(2);
    expect(valueOf(families, 'db_client_connection_max', { db_client_connection_pool_name: 'audit' })).toBe(4);
  });

  it('say the rest by names of our own', async () => {
    const families = await scrape(snapshot);
    const orders = { database: 'orders' };
    expect(valueOf(families, 'hive_db_service_info', { app: 'shop' })).toBe(1);
    expect(valueOf(families, 'hive_db_service_uptime_seconds', {})).toBe(3_600);
    expect(valueOf(families, 'hive_db_service_closing', {})).toBe(0);
    expect(valueOf(families, 'hive_db_up', orders)).toBe(1);
    expect(valueOf(families, 'hive_db_up', { database: 'audit' })).toBe(0);
    expect(valueOf(families, 'hive_db_fenced', { database: 'audit' })).toBe(1);
    expect(valueOf(families, 'hive_db_fenced_seconds', { database: 'audit' })).toBe(4.2);
    expect(valueOf(families, 'hive_db_fenced_seconds', orders)).toBe(0);
    expect(valueOf(families, 'hive_db_pool_overflow_connections', orders)).toBe(2);
    expect(valueOf(families, 'hive_db_pool_oldest_waiter_seconds', orders)).toBe(1.5);
    expect(valueOf(families, 'hive_db_pool_acquires_total', { ...orders, result: 'waited' })).toBe(8);
    expect(valueOf(families, 'hive_db_operations_total', { ...orders, kind: 'read_sync' })).toBe(1_000);
    for (const [mode, value] of [
      ['alone', 0],
      ['arbiter', 0],
      ['polling', 1],
    ] as const)
      expect(valueOf(families, 'hive_db_turns_mode', { ...orders, mode })).toBe(value);
    expect(valueOf(families, 'hive_db_turns_waiting', orders)).toBe(3);
    expect(valueOf(families, 'hive_db_turns_oldest_waiter_seconds', orders)).toBe(0.25);
    expect(valueOf(families, 'hive_db_errors_total', { ...orders, code: 'HIVEDB_E_BUSY_TIMEOUT' })).toBe(4);
    expect(valueOf(families, 'hive_db_sqlite_wal_size_bytes', orders)).toBe(32_768);
    expect(valueOf(families, 'hive_db_sqlite_wal_frames', { ...orders, state: 'waiting' })).toBe(200);
    expect(valueOf(families, 'hive_db_sqlite_wal_pinned_seconds', orders)).toBe(0);
    expect(valueOf(families, 'hive_db_sqlite_checkpoints_total', { ...orders, result: 'restart' })).toBe(2);
    expect(valueOf(families, 'hive_db_sqlite_checkpoints_blocked_total', orders)).toBe(3);
    expect(valueOf(families, 'hive_db_sqlite_checkpoint_seconds', orders)).toBe(0.002);
    expect(valueOf(families, 'hive_db_fallback_active', { database: 'stock' })).toBe(1);
    expect(valueOf(families, 'hive_db_deprecated_api_calls_total', { code: 'HIVEDB_DEP0001' })).toBe(7);
  });

  it('leave out what a database does not have', async () => {
    const families = await scrape(snapshot);
    const sizes = families.get('hive_db_sqlite_db_size_bytes')?.samples;
    expect(sizes?.map(({ labels }) => labels['database'])).toEqual(['orders']);
    const waiting = families.get('hive_db_turns_waiting')?.samples;
    expect(waiting?.map(({ labels }) => labels['database'])).toEqual(['orders']);
  });

  it('end in _total exactly where they count, and have no series twice', async () => {
    for (const [name, { type, samples }] of await scrape(snapshot)) {
      expect(name.endsWith('_total'), `${name} is a ${type}`).toBe(type === 'counter');
      const series = samples.map((sample) => JSON.stringify([sample.name, sample.labels]));
      expect(new Set(series).size, `series of ${name}`).toBe(series.length);
    }
  });

  it('are well-formed for a service without databases', async () => {
    const families = await scrape(healthyService({ databases: [] }));
    expect([...families.keys()].every((name) => /^hive_db_(?:service|offload)_/.test(name))).toBe(true);
  });

  it('carry labels whatever their text is', async () => {
    const alphabet = fc.constantFrom('"', '\\', '\n', 'n', '}', ',', '=', ' ', 'ä', '\u{1f41d}', '\u2028');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: alphabet }), async (app) => {
        const families = await scrape(healthyService({ app }));
        expect(families.get('hive_db_service_info')?.samples[0]?.labels).toEqual({ app });
      }),
      replay({ numRuns: 50 }),
    );
  });
});

describe('a histogram', () => {
  const orders = { db_client_connection_pool_name: 'orders' };

  it('is there for creating, waiting, using and committing', async () => {
    const families = await scrape(healthyService());
    const histograms = [...families].filter(([, { type }]) => type === 'histogram').map(([name]) => name);
    expect(histograms).toEqual([
      'db_client_connection_create_time_seconds',
      'db_client_connection_wait_time_seconds',
      'db_client_connection_use_time_seconds',
      'hive_db_lane_commit_seconds',
    ]);
  });

  it('has the bounds that OpenTelemetry advises among its own, the same ones however little was recorded', async () => {
    const empty = await bounds();
    expect(empty).toEqual(expect.arrayContaining(['0.001', '0.005', '0.01', '0.05', '0.1', '0.5', '1', '5', '10']));
    expect(empty.map(Number).slice(0, -1)).toEqual(
      empty
        .map(Number)
        .slice(0, -1)
        .toSorted((a, b) => a - b),
    );
    expect(empty.at(-1)).toBe('+Inf');
    expect(await bounds(0.001, 3, 9e6)).toEqual(empty);
  });

  it('counts for a bound what ends exactly there', async () => {
    const waitTime = { ...new Histogram().snapshot(), count: 3, sumMs: 3, buckets: [{ leMs: 1, count: 3 }] };
    const families = await scrape(healthyService({ databases: [healthyDatabase({ pool: { waitTime } })] }));
    const upTo = (le: string) => valueOf(families, `${family}_bucket`, { ...orders, le });
    expect(['0.0005', '0.001', '0.005'].map(upTo)).toEqual([0, 3, 3]);
  });

  it('counts upwards, in seconds, and +Inf counts everything', async () => {
    const families = await scrape(withWaits(0.02, 0.4, 3, 3, 700, 120_000));
    const upTo = (le: string) => valueOf(families, `${family}_bucket`, { ...orders, le });
    expect(['0.00005', '0.0005', '0.005', '1', '60', '+Inf'].map(upTo)).toEqual([1, 2, 4, 5, 5, 6]);
    expect(valueOf(families, `${family}_count`, orders)).toBe(6);
    expect(valueOf(families, `${family}_sum`, orders)).toBeCloseTo(120.706_42, 6);
  });

  it('never shows a duration as shorter than it was, nor as an eighth longer', async () => {
    const duration = fc.double({ min: 0.001, max: 100_000, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.array(duration, { maxLength: 20 }), async (durations) => {
        const { samples } = (await scrape(withWaits(...durations))).get(family)!;
        const buckets = samples.filter(({ name }) => name.endsWith('_bucket'));
        for (const { labels, value } of buckets) {
          const boundMs = labels['le'] === '+Inf' ? Infinity : Number(labels['le']) * 1_000;
          expect(value).toBeLessThanOrEqual(durations.filter((ms) => ms <= boundMs).length);
          expect(value).toBeGreaterThanOrEqual(durations.filter((ms) => ms * 1.125 + 0.001 <= boundMs).length);
        }
      }),
      replay({ numRuns: 50 }),
    );
  });
});
