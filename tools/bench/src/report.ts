import type { Outcome } from './harness.ts';
import type { Machine } from './machine.ts';
import { median } from './median.ts';
import type { Contestant, Measure, Scenario } from './scenario.ts';

/** One contestant's row of one table. `failed` says why there is no figure to trust. */
export interface Row {
  readonly name: string;
  readonly version: string;
  readonly role: Contestant['role'];
  readonly samples: readonly number[];
  readonly median: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly failed?: string;
  /** Why some of what it did has failed, each reason once: the figures are of what did not. */
  readonly failures?: readonly string[];
}

/** One measure of one scenario, with everybody's figures. */
export interface Table {
  readonly name: string;
  readonly scenario: string;
  readonly measure: string;
  readonly about: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly contestants: readonly Row[];
  /** The peer that no other beats; null where there is none. */
  readonly best_peer: string | null;
  /** How many times better the first of ours is than the best peer, see `timesBetter`; null where there is no peer. */
  readonly ratio_to_best_peer: number | null;
  /** The peer that the tables compare everybody with: the one that the scenario names, else the best; null where there is none. */
  readonly against: string | null;
  /** How many times better the first of ours is than each peer; null where one of the two has no figures. */
  readonly ratios: Readonly<Record<string, number | null>>;
}

/** Everything that one run has found out. Also the document of `--json`. */
export interface Report {
  readonly schema: string;
  readonly suite: string;
  readonly machine: Machine;
  readonly scenarios: readonly Table[];
}

/** One table for each measure of a scenario. */
export function tablesOf({ name, about, measures, against }: Scenario, outcomes: readonly Outcome[]): Table[] {
  return measures.map(({ name: what, unit, better }, index) => {
    const rows = outcomes.map((outcome) => rowOf(outcome, index));
    const ours = rows[outcomes.findIndex(({ contestant }) => contestant.role === 'ours')];
    const peers = rows.filter((_, position) => outcomes[position]?.contestant.role === 'peer');
    const best = bestOf(peers, better);
    const named = against === undefined ? best : peers.find((row) => row.name === against);
    return {
      name: measures.length === 1 ? name : `${name}: ${what}`,
      scenario: name,
      measure: what,
      about,
      unit,
      better,
      contestants: rows,
      best_peer: best?.name ?? null,
      ratio_to_best_peer: timesBetter(ours, best, better),
      against: named?.name ?? null,
      ratios: Object.fromEntries(peers.map((peer) => [peer.name, timesBetter(ours, peer, better)])),
    };
  });
}

/**
 * How many times better one row is than another: the median of the quotients of each round, because whatever disturbs a round
 * disturbs both. Below 1 when it is worse; null where either has no figures.
 */
export function timesBetter(row: Row | undefined, other: Row | undefined, better: Measure['better']): number | null {
  if (row === undefined || other === undefined || row.median === null || other.median === null) return null;
  const quotients = row.samples.map((sample, round) => (other.samples[round] ?? Number.NaN) / sample);
  const times = median(better === 'lower' ? quotients : quotients.map((quotient) => 1 / quotient));
  return Number.isFinite(times) ? times : null;
}

function rowOf({ contestant: { name, version, role }, samples, failed, failures }: Outcome, index: number): Row {
  const found = samples[index] ?? [];
  const row = { name, version, role, samples: found, ...(failures.length === 0 ? {} : { failures }) };
  if (failed !== undefined) return { ...row, median: null, min: null, max: null, failed };
  return { ...row, median: median(found), min: Math.min(...found), max: Math.max(...found) };
}

/** The row that no other beats. */
function bestOf(rows: readonly Row[], better: Measure['better']): Row | undefined {
  const [first, ...others] = rows.filter((row) => row.median !== null);
  if (first === undefined) return undefined;
  return others.reduce((best, row) => ((timesBetter(row, best, better) ?? 0) > 1 ? row : best), first);
}

/** The tables of each scenario, in the order of the report. */
export function byScenario(tables: readonly Table[]): readonly (readonly [Table, ...Table[]])[] {
  const scenarios = new Map<string, [Table, ...Table[]]>();
  for (const table of tables) {
    const known = scenarios.get(table.scenario);
    if (known === undefined) scenarios.set(table.scenario, [table]);
    else known.push(table);
  }
  return [...scenarios.values()];
}

/** Whose failures are told with a table, and why they happened. */
export function failuresIn({ contestants }: Table): readonly string[] {
  return contestants.flatMap(({ name, failures = [] }) => failures.map((reason) => `${name}: ${reason}`));
}

/** The versions of those that the line about the machine does not name, in words. */
export function otherVersions({ packages }: Machine, { contestants }: Table): readonly string[] {
  const named = new Set(Object.values(packages));
  const others = contestants.filter(
    ({ role, failed, version }) => role !== 'floor' && failed === undefined && !named.has(version),
  );
  return others.map(({ name, version }) => `${name}: ${version}`);
}

/** What the first of ours is against each peer, for a reader. */
export function ratiosInWords({ contestants, ratios }: Table): string | undefined {
  const each = Object.entries(ratios).flatMap(([peer, times]) =>
    times === null ? [] : `${times.toFixed(2)} x ${peer}`,
  );
  return each.length === 0 ? undefined : `${contestants[0]?.name ?? ''} is ${each.join(', ')}.`;
}
