import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSeattleYear } from '../src/climate/climate-year.ts';
import { valueAt } from '../src/climate/column.ts';
import { checkBalance } from '../src/study/balance.ts';
import type { Component } from '../src/study/component.ts';
import { defaultStudies } from '../src/study/default-studies.ts';
import { Refusal } from '../src/study/refusal.ts';
import { runStudy, studySlices } from '../src/study/run-study.ts';
import type { StudyResult } from '../src/study/run-study.ts';
import { parseStudySpec } from '../src/study/study-spec.ts';
import type { StudySpec } from '../src/study/study-spec.ts';
import { seriesNames } from '../src/study/study-series.ts';
import type { SeriesName, StudyHour } from '../src/study/study-series.ts';
import { shippedComponents, shippedLibrary } from './support/shipped-library.ts';

const year = await loadSeattleYear();
const results = defaultStudies.map((spec) => runStudy(spec, shippedLibrary, year));
const [heatPumpOnly, withPv, withBattery, street] = results as [StudyResult, StudyResult, StudyResult, StudyResult];

function hourOf({ series }: StudyResult, hour: number): StudyHour {
  const values: Partial<Record<SeriesName, number>> = {};
  for (const name of seriesNames) values[name] = valueAt(series[name], hour);
  return values as StudyHour;
}

/** Every hour with what the battery held before it. */
function* hoursOf(result: StudyResult): Generator<{ hour: number; is: StudyHour; storedBeforeKwh: number }> {
  let storedBeforeKwh = 0;
  for (let hour = 0; hour < year.hours; hour++) {
    const is = hourOf(result, hour);
    yield { hour, is, storedBeforeKwh };
    storedBeforeKwh = is.batteryStoredKwh;
  }
}

/** Whether an hour is as it must be. */
type Rule = (is: StudyHour, storedBeforeKwh: number, hour: number) => boolean;

function hoursThatBreak(rule: Rule, result: StudyResult): readonly StudyHour[] {
  const broken: StudyHour[] = [];
  for (const { hour, is, storedBeforeKwh } of hoursOf(result)) if (!rule(is, storedBeforeKwh, hour)) broken.push(is);
  return broken;
}

const tiny = (kwh: number): boolean => Math.abs(kwh) <= 1e-9;

/** Energy out of nothing or into nothing would show in one of these; written apart from the check that ships. */
const balance: Rule = (is, storedBeforeKwh) => {
  const loadKwh = is.electricDemandKwh + is.heatPumpElectricKwh + is.backupHeaterKwh;
  return (
    tiny(is.pvToLoadKwh + is.batteryDischargeKwh + is.importKwh - loadKwh) &&
    tiny(is.pvToLoadKwh + is.batteryChargeKwh + is.exportKwh + is.curtailedKwh - is.pvKwh) &&
    tiny(is.heatPumpElectricKwh * is.heatPumpCop + is.backupHeaterKwh - is.thermalDemandKwh) &&
    tiny(storedBeforeKwh + is.batteryChargeKwh - is.batteryDischargeKwh - is.batteryLossKwh - is.batteryStoredKwh)
  );
};

/** The price of `grid-seattle-time-of-use`. */
const timeOfUse: Rule = (is, _, hour) => {
  const hourOfDay = valueAt(year.hourOfDay, hour);
  const peak = hourOfDay >= 17 && hourOfDay < 21 && valueAt(year.dayOfWeek, hour) !== 0;
  const price = hourOfDay < 6 ? 0.0828 : peak ? 0.1656 : 0.1449;
  return Math.abs(is.importCost - is.importKwh * price) < 1e-12;
};

/** What the dispatch promises, seen from outside. */
function promises({ spec: { battery, grid, heatPump } }: StudyResult): Rule {
  const capacityKwh = battery?.capacityKwh ?? 0;
  const kind = battery && shippedLibrary.get('battery', battery.id, 'test', 'id');
  const chargeKw = capacityKwh * (kind?.chargeKwPerKwh ?? 0);
  const dischargeKw = capacityKwh * (kind?.dischargeKwPerKwh ?? 0);
  return (is, _, hour) =>
    (valueAt(year.sunAltitudeDeg, hour) > 0 || is.pvKwh === 0) &&
    is.batteryStoredKwh >= 0 &&
    is.batteryStoredKwh <= capacityKwh &&
    is.batteryChargeKwh <= chargeKw &&
    is.batteryDischargeKwh <= dischargeKw &&
    (is.batteryChargeKwh === 0 || is.batteryDischargeKwh === 0) &&
    (is.importKwh === 0 || is.exportKwh + is.curtailedKwh === 0) &&
    (is.curtailedKwh === 0 || is.exportKwh === grid.exportLimitKw) &&
    (is.backupHeaterKwh === 0 || is.heatPumpThermalKwh === heatPump.thermalKw);
}

const idsOf = (kind: Component['kind']): fc.Arbitrary<string> =>
  fc.constantFrom(...shippedComponents.filter((component) => component.kind === kind).map(({ id }) => id));
const between = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });
const anyStudy: fc.Arbitrary<StudySpec> = fc
  .record({
    name: fc.constant('any'),
    description: fc.constant(''),
    site: fc.record({ place: fc.constant('seattle'), groundReflectance: between(0, 1) }),
    demand: fc.record({ id: idsOf('demand'), dwellings: fc.integer({ min: 1, max: 1000 }) }),
    heatPump: fc.record({ id: idsOf('heat-pump'), thermalKw: between(0.001, 10_000) }),
    pv: fc.array(
      fc.record({
        id: idsOf('pv'),
        peakKw: between(0.001, 100_000),
        tiltDeg: between(0, 90),
        azimuthDeg: between(0, 359.9),
      }),
      { maxLength: 4 },
    ),
    battery: fc.option(fc.record({ id: idsOf('battery'), capacityKwh: between(0.001, 100_000) })),
    grid: fc.record({ id: idsOf('grid'), exportLimitKw: between(0, 100_000) }),
  })
  .map((input) => parseStudySpec(input, 'property'));

describe.each(results)('the default study $spec.name', (result) => {
  it('has every series for all 8,759 hours of the climate', () => {
    expect(Object.keys(result.series)).toEqual([...seriesNames]);
    expect(Object.values(result.series).map(({ length }) => length)).toEqual(seriesNames.map(() => 8759));
    expect(result.startMs).toBe(year.startMs);
    expect(result.summary.hours).toBe(8759);
  });

  it('balances in every hour', () => {
    expect(hoursThatBreak(balance, result)).toEqual([]);
  });

  it('keeps the rules of the dispatch and the limits of its components', () => {
    expect(hoursThatBreak(promises(result), result)).toEqual([]);
  });

  it('has a summary that is the sum of its series', () => {
    const { summary, spec } = result;
    const sum = (name: SeriesName): number =>
      Array.from(result.series[name]).reduce((total, value) => total + value, 0);
    const shared = seriesNames.filter((name) => name in summary) as (SeriesName & keyof typeof summary)[];
    expect(shared).toHaveLength(14);
    for (const name of shared) expect([name, summary[name]]).toEqual([name, expect.closeTo(sum(name), 6)]);
    const loadKwh = sum('electricDemandKwh') + sum('heatPumpElectricKwh') + sum('backupHeaterKwh');
    expect(summary.selfSufficiency).toBeCloseTo(1 - sum('importKwh') / loadKwh, 9);
    expect(summary.selfConsumption ?? 0).toBeCloseTo(
      (sum('pvToLoadKwh') + sum('batteryChargeKwh')) / (sum('pvKwh') || 1),
      9,
    );
    expect(summary.seasonalCop).toBeCloseTo(sum('heatPumpThermalKwh') / sum('heatPumpElectricKwh'), 9);
    expect(summary.peakImportKw).toBe(Math.max(...result.series.importKwh));
    const grid = shippedLibrary.get('grid', spec.grid.id, 'test', 'id');
    expect(summary.fixedCost).toBeCloseTo((grid.fixedPerDay * 8759) / 24, 9);
    expect(summary.exportRevenue).toBeCloseTo(sum('exportKwh') * grid.exportPerKwh, 6);
    expect(summary.co2Kg).toBeCloseTo(sum('importKwh') * grid.importCo2KgPerKwh, 6);
    expect(summary.cost).toBeCloseTo(summary.importCost + summary.fixedCost - summary.exportRevenue, 9);
    expect(summary.currency).toBe('USD');
  });

  it('is the same when computed again, to the last digit', () => {
    expect(runStudy(result.spec, shippedLibrary, year)).toEqual(result);
  });
});

describe('the default studies', () => {
  it('are four, with names of their own', () => {
    expect(new Set(defaultStudies.map(({ name }) => name)).size).toBe(4);
  });

  it('import everything without PV, and need the resistance heater of a small heat pump', () => {
    const { summary } = heatPumpOnly;
    expect(summary).toMatchObject({ pvKwh: 0, selfConsumption: null, selfSufficiency: 0, exportKwh: 0 });
    expect(summary.backupHeaterKwh).toBeGreaterThan(0);
    const { electricDemandKwh, heatPumpElectricKwh, backupHeaterKwh } = summary;
    expect(summary.importKwh).toBeCloseTo(electricDemandKwh + heatPumpElectricKwh + backupHeaterKwh, 6);
  });

  it('yield what PV yields in Seattle: 900 to 1,200 kWh a year for each kW', () => {
    for (const { spec, summary } of [withPv, withBattery, street]) {
      const peakKw = spec.pv.reduce((sum, array) => sum + array.peakKw, 0);
      expect(summary.pvKwh / peakKw).toBeGreaterThan(900);
      expect(summary.pvKwh / peakKw).toBeLessThan(1200);
    }
  });

  it('use the battery, and curtail what exceeds the export limit', () => {
    expect(withBattery.summary.batteryDischargeKwh).toBeGreaterThan(1000);
    expect(street.summary.curtailedKwh).toBeGreaterThan(0);
    expect(Math.max(...street.series.exportKwh)).toBe(40);
  });

  it('pay the price of the hour for what they import', () => {
    expect(withBattery.spec.grid.id).toBe('grid-seattle-time-of-use');
    expect(hoursThatBreak(timeOfUse, withBattery)).toEqual([]);
  });

  it('use more of their PV with a battery than without', () => {
    const without = runStudy({ ...withBattery.spec, battery: null }, shippedLibrary, year);
    expect(withBattery.summary.selfConsumption).toBeGreaterThan(without.summary.selfConsumption!);
    expect(withBattery.summary.importKwh).toBeLessThan(without.summary.importKwh);
  });

  it('have heat pumps that work worst in the coldest hour', () => {
    for (const { series } of results) {
      const coldest = [...series.outdoorC].indexOf(Math.min(...series.outdoorC));
      expect(series.heatPumpCop[coldest]).toBe(Math.min(...series.heatPumpCop));
    }
  });
});

describe('any study', () => {
  it('balances in every hour and keeps the rules', () => {
    fc.assert(
      fc.property(anyStudy, (spec) => {
        const result = runStudy(spec, shippedLibrary, year);
        const kept = promises(result);
        const both: Rule = (is, before, hour) => balance(is, before, hour) && kept(is, before, hour);
        expect(hoursThatBreak(both, result)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('computed in slices gives what it gives in one go, and tells how far it is after every week', () => {
    const slices = studySlices(withBattery.spec, shippedLibrary, year);
    const done: number[] = [];
    let slice = slices.next();
    while (slice.done !== true) {
      expect(slice.value.hours).toBe(8759);
      done.push(slice.value.hoursDone);
      slice = slices.next();
    }
    expect(slice.value).toEqual(withBattery);
    expect(done).toEqual([...Array.from({ length: 53 }, (_, week) => week * 168), 8759]);
  });

  it('can be stopped between two slices', () => {
    const slices = studySlices(withBattery.spec, shippedLibrary, year);
    slices.next();
    slices.return(withBattery);
    expect(slices.next()).toEqual({ done: true, value: undefined });
  });

  it('with an unknown component is refused by its first slice', () => {
    const spec = { ...withPv.spec, demand: { id: 'castle', dwellings: 1 } };
    expect(() => studySlices(spec, shippedLibrary, year).next()).toThrow(Refusal);
  });
});

describe('the check of an hour', () => {
  const noon = 4000;
  const is = hourOf(withBattery, noon);
  const storedBeforeKwh = valueAt(withBattery.series.batteryStoredKwh, noon - 1);

  it('accepts what the study computed', () => {
    expect(() => checkBalance(noon, is, storedBeforeKwh)).not.toThrow();
  });

  it.each([
    ['electricity', { importKwh: is.importKwh + 1e-6 }],
    ['electricity', { exportKwh: is.exportKwh + 1e-6 }],
    ['electricity', { electricDemandKwh: NaN }],
    ['heat', { thermalDemandKwh: is.thermalDemandKwh + 1e-6 }],
    ['heat pump', { heatPumpCop: is.heatPumpCop + 1e-3 }],
    ['battery', { batteryStoredKwh: is.batteryStoredKwh + 1e-6 }],
    ['battery', { batteryLossKwh: is.batteryLossKwh + 1e-6 }],
  ])('finds a gap in the balance of %s', (what, change) => {
    expect(() => checkBalance(noon, { ...is, ...change }, storedBeforeKwh)).toThrow(
      `BUG: hour 4000: the balance of ${what} is off by`,
    );
  });

  it('finds energy that flows backwards', () => {
    const backwards = { ...is, importKwh: is.importKwh - 5, exportKwh: is.exportKwh - 5 };
    expect(() => checkBalance(noon, backwards, storedBeforeKwh)).toThrow(/^BUG: hour 4000: (importKwh|exportKwh) is -/);
  });
});
