import type { SeriesName, StudyHour } from './study-series.ts';
import { seriesNames } from './study-series.ts';

/** How far the two sides of a balance may be apart: rounding of double precision reaches about 1e-11 kWh in the largest study. */
const toleranceKwh = 1e-9;

const energies = seriesNames.filter((name) => name.endsWith('Kwh'));

/**
 * Checks that no energy of an hour came from nowhere or went there: electricity, heat, the heat pump and the battery
 * close, and nothing flows backwards. Anything else is a bug of the models or the dispatch and throws `BUG: ...`.
 */
export function checkBalance(hour: number, is: StudyHour, storedBeforeKwh: number): void {
  const sources = is.pvKwh + is.importKwh + is.batteryDischargeKwh;
  const loads = is.electricDemandKwh + is.heatPumpElectricKwh + is.backupHeaterKwh;
  close(hour, 'electricity', sources, loads + is.batteryChargeKwh + is.exportKwh + is.curtailedKwh);
  close(hour, 'heat', is.heatPumpThermalKwh + is.backupHeaterKwh, is.thermalDemandKwh);
  close(hour, 'heat pump', is.heatPumpElectricKwh * is.heatPumpCop, is.heatPumpThermalKwh);
  const kept = storedBeforeKwh + is.batteryChargeKwh - is.batteryDischargeKwh - is.batteryLossKwh;
  close(hour, 'battery', kept, is.batteryStoredKwh);
  for (const name of energies) notNegative(hour, name, is[name]);
}

function close(hour: number, what: string, oneKwh: number, otherKwh: number): void {
  const gapKwh = oneKwh - otherKwh;
  // Written so that NaN fails too.
  if (Math.abs(gapKwh) <= toleranceKwh) return;
  throw new Error(`BUG: hour ${hour}: the balance of ${what} is off by ${gapKwh} kWh`);
}

function notNegative(hour: number, name: SeriesName, valueKwh: number): void {
  if (valueKwh >= 0) return;
  throw new Error(`BUG: hour ${hour}: ${name} is ${valueKwh}`);
}
