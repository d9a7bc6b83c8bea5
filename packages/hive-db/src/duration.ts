const UNITS: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1_000, m: 60_000, min: 60_000 });

/** Reads a duration as settings spell it: `250ms`, `1s`, `2m` or `2min`, or bare seconds. Milliseconds, or undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const { amount, unit = 's' } = /^(?<amount>\d{1,9}(?:\.\d{1,3})?) ?(?<unit>ms|s|m|min)?$/.exec(text)?.groups ?? {};
  return amount === undefined ? undefined : Number(amount) * (UNITS[unit] ?? Number.NaN);
}
