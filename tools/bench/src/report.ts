import type { Outcome } from './harness.ts';
import type { Machine } from './machine.ts';
import { median } from './median.ts';
import type { Measure, Scenario } from './scenario.ts';

/** One contestant's row of one table. `failed` says why there is no figure to trust. */
export interface Row {
  readonly name: string;
  readonly version: string;
  readonly samples: readonly number[];
  readonly median: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly failed?: string;
}

/** One measure of one scenario, with everybody's figures. */
export interface Table {
  readonly name: string;
  readonly about: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly contestants: readonly Row[];
  /** The peer with the best median; null where there is none. */
  readonly best_peer: string | null;
  /** How many times better the first of ours is than the best peer; null where there is no peer. */
  readonly ratio_to_best_peer: number | null;
}

/** Everything that one run has found out. Also the document of `--json`. */
export interface Report {
  readonly schema: string;
  readonly machine: Machine;
  readonly scenarios: readonly Table[];
}

/** One table for each measure of a scenario. */
export function tablesOf({ name, about, measures }: Scenario, outcomes: readonly Outcome[]): Table[] {
  return measures.map((measure, index) => {
    const rows = outcomes.map((outcome) => rowOf(outcome, index));
    const best = bestPeer(outcomes, rows, measure);
    const first = rows[outcomes.findIndex(({ contestant }) => contestant.ours)];
    return {
      name: measures.length === 1 ? name : `${name}: ${measure.name}`,
      about,
      unit: measure.unit,
      better: measure.better,
      contestants: rows,
      best_peer: best?.name ?? null,
      ratio_to_best_peer: ratio(first?.median, best?.median, measure.better),
    };
  });
}

/** How many times better `figure` is than `reference`; below 1 when it is worse, null when either is missing. */
export function ratio(
  figure: number | null | undefined,
  reference: number | null | undefined,
  better: Measure['better'],
): number | null {
  if (figure === null || figure === undefined || reference === null || reference === undefined) return null;
  const times = better === 'lower' ? reference / figure : figure / reference;
  return Number.isFinite(times) ? times : null;
}

function rowOf({ contestant: { name, version }, samples, failed }: Outcome, index: number): Row {
  const found = samples[index] ?? [];
  if (failed !== undefined) return { name, version, samples: found, median: null, min: null, max: null, failed };
  return { name, version, samples: found, median: median(found), min: Math.min(...found), max: Math.max(...found) };
}

function bestPeer(outcomes: readonly Outcome[], rows: readonly Row[], { better }: Measure): Row | undefined {
  const direction = better === 'lower' ? 1 : -1;
  return rows
    .filter((row, index) => row.median !== null && outcomes[index]?.contestant.ours === false)
    .toSorted((a, b) => direction * ((a.median ?? 0) - (b.median ?? 0)))[0];
}
