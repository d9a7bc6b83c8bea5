import type { Column } from '../climate/column.ts';

/** What is known of every hour of a study, in the order in which it is listed and stored. */
export const seriesNames = [
  'outdoorC',
  'electricDemandKwh',
  'thermalDemandKwh',
  'heatPumpCop',
  'heatPumpThermalKwh',
  'heatPumpElectricKwh',
  /** Heat, and as much electricity, of the resistance heater. */
  'backupHeaterKwh',
  /** What the arrays could feed in. */
  'pvKwh',
  'pvToLoadKwh',
  'batteryChargeKwh',
  'batteryDischargeKwh',
  'batteryLossKwh',
  /** At the end of the hour. */
  'batteryStoredKwh',
  'importKwh',
  'exportKwh',
  'curtailedKwh',
  /** In the currency of the grid. */
  'importCost',
  'exportRevenue',
  'co2Kg',
] as const;
export type SeriesName = (typeof seriesNames)[number];

/** One hour of a study. */
export type StudyHour = { readonly [Name in SeriesName]: number };

/** All hours of a study, by name. */
export type StudySeries = { readonly [Name in SeriesName]: Column };

/** The series while they are written. */
export class SeriesRecorder {
  readonly #columns: { readonly [Name in SeriesName]: Float64Array };

  constructor(hours: number) {
    const entries = seriesNames.map((name) => [name, new Float64Array(hours)] as const);
    this.#columns = Object.fromEntries(entries) as { [Name in SeriesName]: Float64Array };
  }

  record(hour: number, values: StudyHour): void {
    for (const name of seriesNames) this.#columns[name][hour] = values[name];
  }

  /** What has been recorded, from now on only to read. */
  series(): StudySeries {
    return Object.freeze(this.#columns);
  }
}
