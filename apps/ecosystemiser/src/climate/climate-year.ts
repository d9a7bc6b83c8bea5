import { getPosition } from 'suncalc';
import { valueAt } from './column.ts';
import type { Column } from './column.ts';
import { irradiance } from './irradiance.ts';
import { seattle } from './place.ts';
import type { Place } from './place.ts';
import { readSeattleWeather } from './weather.ts';
import type { Weather } from './weather.ts';

/** Everything a study needs to know about the outdoors: one value an hour for one year at one place. */
export interface ClimateYear extends Weather {
  readonly place: Place;
  readonly hours: number;
  /** Local standard time at the start of the hour, 0 to 23. */
  readonly hourOfDay: Column;
  /** 0 is Sunday, 6 is Saturday. */
  readonly dayOfWeek: Column;
  /** 1 is the first of January. */
  readonly dayOfYear: Column;
  /** Apparent, at the middle of the hour. */
  readonly sunAltitudeDeg: Column;
  /** Clockwise from north, at the middle of the hour. */
  readonly sunAzimuthDeg: Column;
  readonly globalWPerM2: Column;
  readonly diffuseWPerM2: Column;
  readonly beamWPerM2: Column;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The year at Seattle; see `readSeattleWeather` for where it comes from and what reading it costs. */
export async function loadSeattleYear(): Promise<ClimateYear> {
  return climateYear(seattle, await readSeattleWeather());
}

/**
 * Adds calendar, sun and light to the weather of a place. A record stands for the hour that begins at its time, and the
 * sun is looked at in the middle of it, so that morning and evening are treated alike.
 */
function climateYear(place: Place, weather: Weather): ClimateYear {
  // Local time counted as if it were UTC, whose calendar the language knows.
  const localMs = Float64Array.from(weather.startMs, (startMs) => startMs + place.utcOffsetHours * hourMs);
  const days = localMs.map(dayOfYear);
  const suns = Array.from(weather.startMs, (startMs) =>
    getPosition(new Date(startMs + hourMs / 2), place.latitudeDeg, place.longitudeDeg),
  );
  const lights = suns.map((sun, hour) => irradiance(sun.altitude, valueAt(days, hour)));
  return Object.freeze({
    ...weather,
    place,
    hours: localMs.length,
    hourOfDay: localMs.map((ms) => new Date(ms).getUTCHours()),
    dayOfWeek: localMs.map((ms) => new Date(ms).getUTCDay()),
    dayOfYear: days,
    sunAltitudeDeg: Float64Array.from(suns, (sun) => sun.altitude),
    sunAzimuthDeg: Float64Array.from(suns, (sun) => sun.azimuth),
    globalWPerM2: Float64Array.from(lights, (light) => light.globalWPerM2),
    diffuseWPerM2: Float64Array.from(lights, (light) => light.diffuseWPerM2),
    beamWPerM2: Float64Array.from(lights, (light) => light.beamWPerM2),
  });
}

function dayOfYear(localMs: number): number {
  return Math.floor((localMs - Date.UTC(new Date(localMs).getUTCFullYear(), 0)) / dayMs) + 1;
}
