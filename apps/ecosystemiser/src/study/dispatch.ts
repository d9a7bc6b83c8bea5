import { valueAt } from '../climate/column.ts';
import type { ClimateYear } from '../climate/climate-year.ts';
import { planeWPerM2 } from '../climate/irradiance.ts';
import { batteryHour } from './battery.ts';
import type { BatteryHour } from './battery.ts';
import type { DemandYear } from './demand.ts';
import { importPricePerKwh } from './grid.ts';
import { heatPumpCop, heatPumpHour } from './heat-pump.ts';
import { pvKw } from './pv.ts';
import type { StudyPlan } from './study-plan.ts';
import type { StudyHour } from './study-series.ts';

/**
 * Decides one hour by fixed rules, without a look ahead. The heat pump covers the heat, a resistance heater what it
 * cannot. PV serves the load first, then the battery, then the grid up to the export limit; the rest is curtailed.
 * What PV leaves of the load comes from the battery, then from the grid. The battery never trades with the grid.
 */
export function dispatchHour(
  plan: StudyPlan,
  climate: ClimateYear,
  demand: DemandYear,
  hour: number,
  storedBeforeKwh: number,
): StudyHour {
  const outdoorC = valueAt(climate.temperatureC, hour);
  const thermalDemandKwh = valueAt(demand.thermalKwh, hour);
  const electricDemandKwh = valueAt(demand.electricKwh, hour);
  const cop = heatPumpCop(plan.heatPump, outdoorC);
  const heat = heatPumpHour(cop, plan.spec.heatPump.thermalKw, thermalDemandKwh);

  const pvKwh = pvYield(plan, climate, hour);
  const loadKwh = electricDemandKwh + heat.electricKwh + heat.backupKwh;
  const pvToLoadKwh = Math.min(pvKwh, loadKwh);
  const surplusKwh = pvKwh - pvToLoadKwh;
  const deficitKwh = loadKwh - pvToLoadKwh;
  const battery = batteryOf(plan, storedBeforeKwh, surplusKwh, deficitKwh);
  const importKwh = deficitKwh - battery.dischargeKwh;
  const exportKwh = Math.min(surplusKwh - battery.chargeKwh, plan.spec.grid.exportLimitKw);
  const price = importPricePerKwh(plan.grid, valueAt(climate.dayOfWeek, hour), valueAt(climate.hourOfDay, hour));

  return {
    outdoorC,
    electricDemandKwh,
    thermalDemandKwh,
    heatPumpCop: cop,
    heatPumpThermalKwh: heat.thermalKwh,
    heatPumpElectricKwh: heat.electricKwh,
    backupHeaterKwh: heat.backupKwh,
    pvKwh,
    pvToLoadKwh,
    batteryChargeKwh: battery.chargeKwh,
    batteryDischargeKwh: battery.dischargeKwh,
    batteryLossKwh: battery.lossKwh,
    batteryStoredKwh: battery.storedKwh,
    importKwh,
    exportKwh,
    curtailedKwh: surplusKwh - battery.chargeKwh - exportKwh,
    importCost: importKwh * price,
    exportRevenue: exportKwh * plan.grid.exportPerKwh,
    co2Kg: importKwh * plan.grid.importCo2KgPerKwh,
  };
}

/** All arrays together; mean power in kW over one hour is energy in kWh. */
function pvYield(plan: StudyPlan, climate: ClimateYear, hour: number): number {
  const light = {
    globalWPerM2: valueAt(climate.globalWPerM2, hour),
    diffuseWPerM2: valueAt(climate.diffuseWPerM2, hour),
    beamWPerM2: valueAt(climate.beamWPerM2, hour),
  };
  const sun = {
    altitudeDeg: valueAt(climate.sunAltitudeDeg, hour),
    azimuthDeg: valueAt(climate.sunAzimuthDeg, hour),
  };
  const { groundReflectance } = plan.spec.site;
  let sumKwh = 0;
  for (const { pv, size } of plan.pv) {
    const { tiltDeg, azimuthDeg, peakKw } = size;
    const onPlane = planeWPerM2(light, sun, { tiltDeg, azimuthDeg, groundReflectance });
    sumKwh += pvKw(pv, peakKw, onPlane, valueAt(climate.temperatureC, hour), valueAt(climate.windMPerS, hour));
  }
  return sumKwh;
}

function batteryOf(plan: StudyPlan, storedBeforeKwh: number, surplusKwh: number, deficitKwh: number): BatteryHour {
  if (plan.battery === null) return { chargeKwh: 0, dischargeKwh: 0, lossKwh: 0, storedKwh: 0 };
  const { battery, capacityKwh } = plan.battery;
  return batteryHour(battery, capacityKwh, storedBeforeKwh, surplusKwh, deficitKwh);
}
