import { describe, expect, it } from 'vitest';
import { loadSeattleYear } from '../src/climate/climate-year.ts';
import { valueAt } from '../src/climate/column.ts';
import { irradiance, planeWPerM2 } from '../src/climate/irradiance.ts';
import { parseWeather } from '../src/climate/weather.ts';

const year = await loadSeattleYear();

/** The hour that begins at a local standard time of Seattle. */
const hourOf = (local: string): number => [...year.startMs].indexOf(Date.parse(`${local}-08:00`));

describe('the year at Seattle', () => {
  it('has 8,759 hours without a gap, from 1 January 01:00 to 31 December 23:00 local standard time', () => {
    expect(year.hours).toBe(8759);
    expect(valueAt(year.startMs, 0)).toBe(Date.parse('2010-01-01T01:00:00-08:00'));
    expect(valueAt(year.startMs, 8758)).toBe(Date.parse('2010-12-31T23:00:00-08:00'));
    expect([...year.startMs].every((ms, hour) => ms === valueAt(year.startMs, 0) + hour * 3_600_000)).toBe(true);
  });

  it('has the measured values of the file', () => {
    expect([year.pressureHPa[0], year.temperatureC[0], year.windMPerS[0]]).toEqual([1016.6, 4, 3.8]);
    expect([year.pressureHPa[8758], year.temperatureC[8758], year.windMPerS[8758]]).toEqual([1016.7, 4.3, 4]);
  });

  it('has a value in every column for every hour', () => {
    const columns = Object.entries(year).filter(
      (entry): entry is [string, Float64Array] => entry[1] instanceof Float64Array,
    );
    expect(columns).toHaveLength(12);
    const whole = columns.filter(([, column]) => column.length === 8759 && column.every(Number.isFinite));
    expect(whole).toEqual(columns);
  });

  it('knows the local calendar', () => {
    const hour = hourOf('2010-07-04T15:00:00');
    expect([year.hourOfDay[hour], year.dayOfWeek[hour], year.dayOfYear[hour]]).toEqual([15, 0, 185]);
    expect([year.hourOfDay[0], year.dayOfWeek[0], year.dayOfYear[0]]).toEqual([1, 5, 1]);
    expect([year.hourOfDay[8758], year.dayOfYear[8758]]).toEqual([23, 365]);
  });

  it('has the sun in the south at noon, 90 - latitude +- 23.44 degrees high at the solstices', () => {
    const highest = (day: string): number => {
      const [before, after] = [hourOf(`${day}T11:00:00`), hourOf(`${day}T12:00:00`)];
      expect(valueAt(year.sunAzimuthDeg, before)).toBeLessThan(180);
      expect(valueAt(year.sunAzimuthDeg, after)).toBeGreaterThan(180);
      return Math.max(valueAt(year.sunAltitudeDeg, before), valueAt(year.sunAltitudeDeg, after));
    };
    const equator = 90 - year.place.latitudeDeg;
    expect(Math.abs(highest('2010-06-21') - (equator + 23.44))).toBeLessThan(1);
    expect(Math.abs(highest('2010-12-21') - (equator - 23.44))).toBeLessThan(1);
  });

  it('is dark in the 4,300 hours with the sun under the horizon and bright when it is a degree above', () => {
    const hours = Array.from(year.sunAltitudeDeg, (altitudeDeg, hour) => {
      const { globalWPerM2, diffuseWPerM2, beamWPerM2 } = year;
      return { altitudeDeg, light: [globalWPerM2, diffuseWPerM2, beamWPerM2].map((column) => valueAt(column, hour)) };
    });
    const night = hours.filter(({ altitudeDeg }) => altitudeDeg <= 0);
    expect(night.length).toBeGreaterThan(4200);
    expect(night.length).toBeLessThan(4380);
    expect(night.filter(({ light }) => light.some((watts) => watts !== 0))).toEqual([]);
    const day = hours.filter(({ altitudeDeg }) => altitudeDeg > 1);
    expect(day.filter(({ light }) => light.some((watts) => !(watts > 0)))).toEqual([]);
  });

  it('receives about the 3.3 kWh/m2 a day that are measured there', () => {
    const kwhPerM2 = [...year.globalWPerM2].reduce((sum, light) => sum + light / 1000, 0);
    expect(kwhPerM2 / 365).toBeCloseTo(3.3, 1);
  });
});

describe('irradiance', () => {
  it('divides into beam and diffuse light without loss', () => {
    for (let altitudeDeg = 0.5; altitudeDeg < 90; altitudeDeg += 0.5) {
      const light = irradiance(altitudeDeg, 100);
      const horizontalBeam = light.beamWPerM2 * Math.sin((altitudeDeg * Math.PI) / 180);
      expect(light.diffuseWPerM2 + horizontalBeam).toBeCloseTo(light.globalWPerM2, 9);
      expect(light.beamWPerM2).toBeGreaterThanOrEqual(0);
    }
  });

  it('on a horizontal plane is the global irradiance', () => {
    const light = irradiance(40, 100);
    const plane = { tiltDeg: 0, azimuthDeg: 90, groundReflectance: 0.2 };
    expect(planeWPerM2(light, { altitudeDeg: 40, azimuthDeg: 180 }, plane)).toBeCloseTo(light.globalWPerM2, 9);
  });

  it('is larger on a plane that faces the sun than on one that turns away', () => {
    const light = irradiance(20, 100);
    const on = (azimuthDeg: number): number =>
      planeWPerM2(light, { altitudeDeg: 20, azimuthDeg: 120 }, { tiltDeg: 60, azimuthDeg, groundReflectance: 0.2 });
    expect(on(120)).toBeGreaterThan(on(180));
    expect(on(180)).toBeGreaterThan(on(300));
    expect(on(300)).toBeCloseTo((light.diffuseWPerM2 * 1.5) / 2 + (light.globalWPerM2 * 0.2 * 0.5) / 2, 9);
  });
});

describe('a weather file', () => {
  const titles = 'date,pressure,temperature,wind';
  const first = '2010-01-01T01:00:00,1016.6,4.0,3.8';

  it.each([
    ['no line', [titles], 'weather.csv: expected a line for every hour, found none.'],
    [
      'other columns',
      ['date,wind', 'x,1'],
      'weather.csv: line 1: expected the columns date, pressure, temperature, wind, found date, wind.',
    ],
    [
      'a word for a number',
      [titles, '2010-01-01T01:00:00,1016.6,warm,3.8'],
      'weather.csv: line 2: temperature: expected a number, found "warm".',
    ],
    [
      'nothing for a number',
      [titles, first, '2010-01-01T02:00:00,1016.6,4.0,'],
      'weather.csv: line 3: wind: expected a number, found "".',
    ],
    [
      'a word for a date',
      [titles, 'today,1016.6,4.0,3.8'],
      'weather.csv: line 2: date: expected the local time of the next hour, found "today".',
    ],
    [
      'a missing hour',
      [titles, first, '2010-01-01T03:00:00,1016.6,4.0,3.8'],
      'weather.csv: line 3: date: expected the local time of the next hour, found "2010-01-01T03:00:00".',
    ],
    [
      'a doubled hour',
      [titles, first, first],
      'weather.csv: line 3: date: expected the local time of the next hour, found "2010-01-01T01:00:00".',
    ],
    [
      'a short line',
      [titles, '2010-01-01T01:00:00,1016.6'],
      'weather.csv: Invalid Record Length: columns length is 4, got 2 on line 2.',
    ],
  ])('with %s is refused', (_, lines, sentence) => {
    expect(() => parseWeather('weather.csv', lines.join('\n'), -8)).toThrow(new Error(sentence));
  });
});
