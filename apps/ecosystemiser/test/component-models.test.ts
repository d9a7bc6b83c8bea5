import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSeattleYear } from '../src/climate/climate-year.ts';
import { valueAt } from '../src/climate/column.ts';
import { batteryHour } from '../src/study/battery.ts';
import { demandYear } from '../src/study/demand.ts';
import { importPricePerKwh } from '../src/study/grid.ts';
import { heatPumpCop, heatPumpHour } from '../src/study/heat-pump.ts';
import { pvKw } from '../src/study/pv.ts';
import { shippedComponents, shippedLibrary } from './support/shipped-library.ts';

const year = await loadSeattleYear();
const find = <Kind extends Parameters<typeof shippedLibrary.get>[0]>(kind: Kind, id: string) =>
  shippedLibrary.get(kind, id, 'test', 'id');

describe('a heat pump', () => {
  const pumps = shippedComponents.filter((component) => component.kind === 'heat-pump');

  it.each(pumps)('$id works better the warmer it is, between the ends of its curve', (pump) => {
    const coldest = pump.supplyC - pump.cop.maxLiftC;
    const warmest = pump.supplyC - pump.cop.minLiftC;
    for (let outdoorC = coldest + 0.5; outdoorC <= warmest; outdoorC += 0.5)
      expect(heatPumpCop(pump, outdoorC)).toBeGreaterThan(heatPumpCop(pump, outdoorC - 0.5));
    expect(heatPumpCop(pump, coldest - 20)).toBe(heatPumpCop(pump, coldest));
    expect(heatPumpCop(pump, warmest + 20)).toBe(heatPumpCop(pump, warmest));
    expect(heatPumpCop(pump, coldest)).toBeGreaterThan(1);
  });

  it('has the COP of the published curve: 3.75 at a lift of 30 degrees', () => {
    expect(heatPumpCop(find('heat-pump', 'heat-pump-floor'), 5)).toBeCloseTo(3.747, 12);
  });

  it('covers the demand up to its size and leaves the rest to the resistance heater', () => {
    expect(heatPumpHour(4, 6, 5)).toEqual({ thermalKwh: 5, electricKwh: 1.25, backupKwh: 0 });
    expect(heatPumpHour(4, 6, 8)).toEqual({ thermalKwh: 6, electricKwh: 1.5, backupKwh: 2 });
    expect(heatPumpHour(4, 6, 0)).toEqual({ thermalKwh: 0, electricKwh: 0, backupKwh: 0 });
  });
});

describe('a PV array', () => {
  const pv = find('pv', 'pv-perc-roof');

  it('gives nothing without light', () => {
    expect(pvKw(pv, 10, 0, 20, 3)).toBe(0);
  });

  it('gives its peak power less the losses at 1,000 W/m2 and cells of 25 degrees', () => {
    const wide = { ...pv, peakToInverter: 1, heatLossWPerM2C: 100, windHeatLossWsPerM3C: 0 };
    expect(pvKw(wide, 10, 1000, 15, 0)).toBeCloseTo(10 * 0.86 * 0.96, 12);
  });

  it('gives less when it is warmer and more when the wind cools it', () => {
    expect(pvKw(pv, 10, 700, 30, 3)).toBeLessThan(pvKw(pv, 10, 700, 10, 3));
    expect(pvKw(pv, 10, 700, 10, 6)).toBeGreaterThan(pvKw(pv, 10, 700, 10, 3));
  });

  it('never gives more than its inverter can', () => {
    expect(pvKw(pv, 12, 1400, -10, 10)).toBe(10);
  });
});

describe('a battery', () => {
  const battery = find('battery', 'battery-lithium-home');

  it('takes no more than its power and room, gives no more than its power and store, and never both or less than nothing', () => {
    const batteries = shippedComponents.filter((component) => component.kind === 'battery');
    const kwh = fc.double({ min: 0, max: 500, noNaN: true });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.constantFrom(...batteries),
        fc.double({ min: 0.1, max: 1000, noNaN: true }),
        share,
        fc.array(fc.tuple(fc.boolean(), kwh), { minLength: 1, maxLength: 30 }),
        (kind, capacityKwh, full, hours) => {
          let storedKwh = full * capacityKwh;
          for (const [sunny, amountKwh] of hours) {
            const hour = batteryHour(kind, capacityKwh, storedKwh, sunny ? amountKwh : 0, sunny ? 0 : amountKwh);
            expect(hour.storedKwh).toBeGreaterThanOrEqual(0);
            expect(hour.storedKwh).toBeLessThanOrEqual(capacityKwh);
            expect(hour.chargeKwh).toBeGreaterThanOrEqual(0);
            expect(hour.chargeKwh).toBeLessThanOrEqual(
              Math.min(sunny ? amountKwh : 0, capacityKwh * kind.chargeKwPerKwh),
            );
            expect(hour.dischargeKwh).toBeGreaterThanOrEqual(0);
            expect(hour.dischargeKwh).toBeLessThanOrEqual(
              Math.min(sunny ? 0 : amountKwh, capacityKwh * kind.dischargeKwPerKwh),
            );
            expect(hour.lossKwh).toBeGreaterThanOrEqual(0);
            const kept = storedKwh + hour.chargeKwh - hour.dischargeKwh - hour.lossKwh;
            expect(Math.abs(kept - hour.storedKwh)).toBeLessThan(1e-9);
            storedKwh = hour.storedKwh;
          }
        },
      ),
    );
  });

  it('gives back 90 percent of what it took', () => {
    const charged = batteryHour({ ...battery, standbyLossPerHour: 0 }, 10, 0, 2, 0);
    const emptied = batteryHour({ ...battery, standbyLossPerHour: 0 }, 10, charged.storedKwh, 0, 100);
    expect(charged.chargeKwh).toBe(2);
    expect(emptied.dischargeKwh).toBeCloseTo(2 * 0.949 ** 2, 12);
    expect(emptied.storedKwh).toBe(0);
  });

  it('loses a little by standing still', () => {
    const { lossKwh, storedKwh } = batteryHour(battery, 10, 8, 0, 0);
    expect(lossKwh).toBeCloseTo(8 * 0.00003, 15);
    expect(storedKwh).toBeCloseTo(8 - 8 * 0.00003, 12);
  });
});

describe('a demand', () => {
  const dwelling = find('demand', 'dwelling-detached-1970s');
  const demand = demandYear(dwelling, 3, year);

  const at = (local: string): number =>
    valueAt(demand.electricKwh, [...year.startMs].indexOf(Date.parse(`${local}-08:00`)));

  it('sums to the electricity of the dwellings', () => {
    expect([...demand.electricKwh].reduce((sum, kwh) => sum + kwh, 0)).toBeCloseTo(3 * 7200, 6);
  });

  it('follows the hour, the day of the week and the season', () => {
    expect(at('2010-01-15T19:00:00') / at('2010-01-15T03:00:00')).toBeCloseTo(1.72 / 0.44, 9);
    expect(at('2010-01-15T11:00:00') / at('2010-01-16T11:00:00')).toBeCloseTo(0.87 / 1.3, 3);
    expect(at('2010-01-15T19:00:00') / at('2010-07-16T19:00:00')).toBeCloseTo(1.16 / 0.84, 3);
  });

  it('needs heat for each degree under the heating limit, and for hot water always', () => {
    const expectedKwh = Array.from(year.temperatureC, (outdoorC) => 3 * (0.27 * Math.max(0, 16 - outdoorC) + 9 / 24));
    const gapsKwh = expectedKwh.map((kwh, hour) => Math.abs(kwh - valueAt(demand.thermalKwh, hour)));
    expect(Math.max(...gapsKwh)).toBeLessThan(1e-9);
    expect(Math.min(...demand.thermalKwh)).toBeCloseTo((3 * 9) / 24, 12);
  });
});

describe('a grid', () => {
  it('costs what its band says, the first of several, and the plain price elsewhere', () => {
    const grid = find('grid', 'grid-seattle-time-of-use');
    const [sunday, monday, saturday] = [0, 1, 6];
    expect(importPricePerKwh(grid, monday, 16)).toBe(0.1449);
    expect(importPricePerKwh(grid, monday, 17)).toBe(0.1656);
    expect(importPricePerKwh(grid, monday, 20)).toBe(0.1656);
    expect(importPricePerKwh(grid, monday, 21)).toBe(0.1449);
    expect(importPricePerKwh(grid, saturday, 17)).toBe(0.1656);
    expect(importPricePerKwh(grid, sunday, 17)).toBe(0.1449);
    expect(importPricePerKwh(grid, sunday, 0)).toBe(0.0828);
    expect(importPricePerKwh(grid, sunday, 6)).toBe(0.1449);
    const allDay = { ...grid.bands[0]!, fromHour: 0, toHour: 24, importPerKwh: 9 };
    expect(importPricePerKwh({ ...grid, bands: [allDay, ...grid.bands] }, monday, 17)).toBe(9);
  });
});
