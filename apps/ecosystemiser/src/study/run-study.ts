import type { ClimateYear } from '../climate/climate-year.ts';
import type { Column } from '../climate/column.ts';
import { checkBalance } from './balance.ts';
import type { ComponentLibrary } from './component-library.ts';
import { demandYear } from './demand.ts';
import { dispatchHour } from './dispatch.ts';
import { planStudy } from './study-plan.ts';
import { SeriesRecorder } from './study-series.ts';
import type { StudySeries } from './study-series.ts';
import type { StudySpec } from './study-spec.ts';
import { summarise } from './study-summary.ts';
import type { StudySummary } from './study-summary.ts';

/** A computed study. Equal inputs give equal results, to the last digit. */
export interface StudyResult {
  readonly spec: StudySpec;
  /** Start of each hour of the series, in milliseconds since the Unix epoch. */
  readonly startMs: Column;
  readonly series: StudySeries;
  readonly summary: StudySummary;
}

/** How far a study has come. */
export interface StudyProgress {
  readonly hoursDone: number;
  readonly hours: number;
}

/** A week: some tenths of a millisecond of work (the first slice takes a few), so that a slow machine keeps its event loop too. */
const sliceHours = 168;

/**
 * Computes a study in slices of a week and yields between them, so that the caller decides when to go on and can stop
 * in between. Unknown components are refused by the first `next()` (`Refusal`). The battery starts the year empty.
 */
export function* studySlices(
  spec: StudySpec,
  library: ComponentLibrary,
  climate: ClimateYear,
): Generator<StudyProgress, StudyResult, void> {
  const plan = planStudy(spec, library, climate);
  const demand = demandYear(plan.demand, spec.demand.dwellings, climate);
  const recorder = new SeriesRecorder(climate.hours);
  let storedKwh = 0;
  for (let hour = 0; hour < climate.hours; hour++) {
    if (hour % sliceHours === 0) yield { hoursDone: hour, hours: climate.hours };
    const values = dispatchHour(plan, climate, demand, hour, storedKwh);
    checkBalance(hour, values, storedKwh);
    recorder.record(hour, values);
    storedKwh = values.batteryStoredKwh;
  }
  yield { hoursDone: climate.hours, hours: climate.hours };
  const series = recorder.series();
  return Object.freeze({ spec, startMs: climate.startMs, series, summary: summarise(series, plan.grid) });
}

/** Computes a study in one go, which blocks for some tens of milliseconds. */
export function runStudy(spec: StudySpec, library: ComponentLibrary, climate: ClimateYear): StudyResult {
  const slices = studySlices(spec, library, climate);
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}
