/** A duration as people say it: `850 ms`, `41.2 s`, `31 min`, `5.5 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.floor(ms)} ms`;
  if (ms < 120_000) return `${oneDecimal(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.floor(ms / 60_000)} min`;
  return `${oneDecimal(ms / 3_600_000)} h`;
}

/** A size in binary units: `512 B`, `64 MiB`, `1.7 GiB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${oneDecimal(bytes / 1024)} KiB`;
  if (bytes < 1024 ** 3) return `${oneDecimal(bytes / 1024 ** 2)} MiB`;
  return `${oneDecimal(bytes / 1024 ** 3)} GiB`;
}

/** A share as a percentage. Rounded down, so that 79.9 % never reads as the 80 % it has not reached. */
export function percent(share: number): string {
  return `${oneDecimal(share * 100)} %`;
}

/** A number and its noun: `1 caller`, `4 callers`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function oneDecimal(value: number): string {
  return String(Math.floor(value * 10) / 10);
}
