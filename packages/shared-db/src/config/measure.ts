/** Units by how much of the smallest one they are, smallest first. */
type Units = ReadonlyMap<string, number>;

const DURATIONS: Units = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
const SIZES: Units = new Map([
  ['B', 1],
  ['KiB', 1_024],
  ['MiB', 1_024 ** 2],
  ['GiB', 1_024 ** 3],
  ['TiB', 1_024 ** 4],
]);

/** A number with its unit, without a space: what `parseDuration` takes. */
export const DURATION_PATTERN = /^\d+(?:\.\d+)?(?:ms|s|m|h)$/;
/** A number with its unit, without a space: what `parseSize` takes. */
export const SIZE_PATTERN = /^\d+(?:\.\d+)?(?:B|KiB|MiB|GiB|TiB)$/;

/** Milliseconds of a text such as `250ms`, or of a number of seconds. */
export function parseDuration(written: string | number): number {
  return typeof written === 'number' ? scaled(written, 1_000) : parse(written, DURATIONS);
}

/** Bytes of a text such as `64MiB`, or of a number of bytes. */
export function parseSize(written: string | number): number {
  return typeof written === 'number' ? written : parse(written, SIZES);
}

/** The shortest text that `parseDuration` reads as these milliseconds: `90s`, `1h`. */
export function formatDuration(ms: number): string {
  return format(ms, DURATIONS, 's');
}

/** The shortest text that `parseSize` reads as these bytes: `64MiB`. */
export function formatSize(bytes: number): string {
  return format(bytes, SIZES, 'B');
}

function parse(text: string, units: Units): number {
  const unit = /[A-Za-z]+$/.exec(text)?.[0] ?? '';
  return scaled(Number(text.slice(0, text.length - unit.length)), units.get(unit) ?? Number.NaN);
}

// 1.001 x 1000 is 1000.9999999999999 in binary: the digits behind the sixth are not what anybody wrote.
function scaled(amount: number, factor: number): number {
  return Math.round(amount * factor * 1e6) / 1e6;
}

function format(amount: number, units: Units, unitOfZero: string): string {
  if (amount === 0) return `0${unitOfZero}`;
  const [unit, factor] = [...units].findLast(([, size]) => amount % size === 0) ?? [...units][0] ?? ['', 1];
  return `${amount / factor}${unit}`;
}
