import type { Column } from '../climate/column.ts';
import type { Grid } from './grid.ts';
import type { StudySeries } from './study-series.ts';

/** A year in a few numbers: sums of the series, and what follows from them. */
export interface StudySummary {
  readonly hours: number;
  readonly electricDemandKwh: number;
  readonly thermalDemandKwh: number;
  readonly heatPumpElectricKwh: number;
  readonly backupHeaterKwh: number;
  /** Heat of the heat pump over its electricity, without the resistance heater; null without heat. */
  readonly seasonalCop: number | null;
  readonly pvKwh: number;
  /** Share of the PV energy that was used or stored on site; null without PV. */
  readonly selfConsumption: number | null;
  /** Share of all electricity used on site that came from PV, at once or through the battery. */
  readonly selfSufficiency: number;
  readonly pvToLoadKwh: number;
  readonly batteryDischargeKwh: number;
  readonly batteryLossKwh: number;
  readonly importKwh: number;
  readonly exportKwh: number;
  readonly curtailedKwh: number;
  /** Largest mean power of one hour. */
  readonly peakImportKw: number;
  readonly currency: string;
  readonly importCost: number;
  readonly exportRevenue: number;
  readonly fixedCost: number;
  /** Import and fixed cost less export revenue: what the year's bills sum to. */
  readonly cost: number;
  /** Emitted for the imported energy; exports earn no credit. */
  readonly co2Kg: number;
}

/** Sums up a study. */
export function summarise(series: StudySeries, grid: Grid): StudySummary {
  const hours = series.importKwh.length;
  const electricDemandKwh = sum(series.electricDemandKwh);
  const heatPumpElectricKwh = sum(series.heatPumpElectricKwh);
  const backupHeaterKwh = sum(series.backupHeaterKwh);
  const pvKwh = sum(series.pvKwh);
  const pvToLoadKwh = sum(series.pvToLoadKwh);
  const batteryDischargeKwh = sum(series.batteryDischargeKwh);
  const importKwh = sum(series.importKwh);
  const exportKwh = sum(series.exportKwh);
  const curtailedKwh = sum(series.curtailedKwh);
  const importCost = sum(series.importCost);
  const exportRevenue = sum(series.exportRevenue);
  const fixedCost = (grid.fixedPerDay * hours) / 24;
  return Object.freeze({
    hours,
    electricDemandKwh,
    thermalDemandKwh: sum(series.thermalDemandKwh),
    heatPumpElectricKwh,
    backupHeaterKwh,
    seasonalCop: ratio(sum(series.heatPumpThermalKwh), heatPumpElectricKwh),
    pvKwh,
    selfConsumption: ratio(pvKwh - exportKwh - curtailedKwh, pvKwh),
    selfSufficiency: (pvToLoadKwh + batteryDischargeKwh) / (electricDemandKwh + heatPumpElectricKwh + backupHeaterKwh),
    pvToLoadKwh,
    batteryDischargeKwh,
    batteryLossKwh: sum(series.batteryLossKwh),
    importKwh,
    exportKwh,
    curtailedKwh,
    peakImportKw: max(series.importKwh),
    currency: grid.currency,
    importCost,
    exportRevenue,
    fixedCost,
    cost: importCost + fixedCost - exportRevenue,
    co2Kg: sum(series.co2Kg),
  });
}

function sum(column: Column): number {
  let total = 0;
  for (const value of column) total += value;
  return total;
}

function max(column: Column): number {
  let largest = 0;
  for (const value of column) largest = Math.max(largest, value);
  return largest;
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
