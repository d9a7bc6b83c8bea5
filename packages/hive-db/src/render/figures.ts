const DASH = '-';

/** A duration as people say it: `12 us`, `850 ms`, `41.2 s`, `31 min`, `5.5 h`, `12 d`. A dash where it is not known. */
export function duration(seconds: number | null): string {
  if (seconds === null) return DASH;
  if (seconds < 1e-3) return `${Math.round(seconds * 1e6)} us`;
  if (seconds < 1) return `${tidy(seconds * 1e3)} ms`;
  if (seconds < 120) return `${tidy(seconds)} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${tidy(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** A size in binary units: `512 B`, `64 MiB`. A dash where it is not known. */
export function size(bytes: number | null): string {
  if (bytes === null) return DASH;
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${tidy(bytes / 1024)} KiB`;
  return bytes < 1024 ** 3 ? `${tidy(bytes / 1024 ** 2)} MiB` : `${tidy(bytes / 1024 ** 3)} GiB`;
}

/** A share as a percentage, rounded down: 79.9 % never reads as the 80 % it has not reached. */
export function percent(share: number | null): string {
  return share === null ? DASH : `${Math.floor(share * 100)} %`;
}

/** How often something happens: `4.2/s`, `30/min`, `2/h`, `0`. */
export function rate(perSecond: number | null): string {
  if (perSecond === null) return DASH;
  if (perSecond === 0) return '0';
  if (perSecond >= 1) return `${tidy(perSecond)}/s`;
  return perSecond * 60 >= 1 ? `${tidy(perSecond * 60)}/min` : `${tidy(perSecond * 3_600)}/h`;
}

/** A number and its noun: `1 caller`, `4 callers`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** A number that need not be whole: two digits behind the point at most, three where it is small. */
export function decimal(value: number): string {
  return String(Number(value.toFixed(value < 0.1 ? 3 : 2)));
}

function tidy(value: number): string {
  return String(value < 100 ? Math.floor(value * 10) / 10 : Math.floor(value));
}
