import { readFile } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse/sync';
import type { Column } from './column.ts';
import { seattle } from './place.ts';

/** What a station recorded, hour by hour and without a gap. */
export interface Weather {
  /** Start of each hour, in milliseconds since the Unix epoch. */
  readonly startMs: Column;
  readonly pressureHPa: Column;
  readonly temperatureC: Column;
  readonly windMPerS: Column;
}

const titles = ['date', 'pressure', 'temperature', 'wind'] as const;
type Title = (typeof titles)[number];
type Line = { readonly [Name in Title]: string };

const hourMs = 3_600_000;

/**
 * The NOAA 1981-2010 hourly climate normals of Seattle as the package `vega-datasets` ships them: 8,759 hours, from
 * 01:00 on 1 January to 23:00 on 31 December of 2010, the year that stands for all thirty.
 * Reads 300 kB and blocks for some tens of milliseconds while it parses them: for start-up, not for a request.
 */
export async function readSeattleWeather(): Promise<Weather> {
  // The package exports only its entry, which fetches data from the network; the data folder is found beside it.
  const entry = import.meta.resolve('vega-datasets');
  const file = 'seattle-weather-hourly-normals.csv';
  return parseWeather(file, await readFile(new URL(`../data/${file}`, entry), 'utf8'), seattle.utcOffsetHours);
}

/**
 * Parses a weather file: CSV with the columns date (local standard time in ISO 8601, without a zone), pressure (hPa),
 * temperature (°C) and wind (m/s). Anything else, and an hour that is missing or doubled, throws one sentence that
 * names the file, the line and what was expected.
 */
export function parseWeather(file: string, text: string, utcOffsetHours: number): Weather {
  const lines = parseLines(file, text);
  const column = (title: Title, expected: string, parseValue: (value: string, hour: number) => number): Column =>
    Float64Array.from(lines, ({ [title]: value }, hour) => {
      const parsed = parseValue(value, hour);
      if (Number.isFinite(parsed)) return parsed;
      // Line 1 holds the titles.
      throw new Error(`${file}: line ${hour + 2}: ${title}: expected ${expected}, found "${value}".`);
    });
  const parseDate = (value: string): number => Date.parse(`${value}Z`) - utcOffsetHours * hourMs;
  const firstMs = parseDate(lines[0]?.date ?? '');
  const onTheHour = (value: string, hour: number): number =>
    parseDate(value) === firstMs + hour * hourMs ? parseDate(value) : NaN;
  return Object.freeze({
    startMs: column('date', 'the local time of the next hour', onTheHour),
    pressureHPa: column('pressure', 'a number', parseNumber),
    temperatureC: column('temperature', 'a number', parseNumber),
    windMPerS: column('wind', 'a number', parseNumber),
  });
}

function parseLines(file: string, text: string): readonly Line[] {
  const columns = (found: string[]): string[] => {
    if (found.join() === titles.join()) return found;
    throw new Error(`${file}: line 1: expected the columns ${titles.join(', ')}, found ${found.join(', ')}.`);
  };
  try {
    const lines = parse<Line>(text, { columns });
    if (lines.length > 0) return lines;
  } catch (error) {
    throw error instanceof CsvError ? new Error(`${file}: ${error.message}.`, { cause: error }) : error;
  }
  throw new Error(`${file}: expected a line for every hour, found none.`);
}

function parseNumber(value: string): number {
  return value.trim() === '' ? NaN : Number(value);
}
