import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from './duration.ts';

/** An option that takes a duration between two limits, in milliseconds; `spelled` is its default as help shows it. */
export function duration(
  flags: string,
  about: string,
  least: number,
  most: number,
  value: number,
  spelled: string,
): Option {
  return new Option(flags, about).default(value, spelled).argParser((text: string) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= least && ms <= most) return ms;
    throw new InvalidArgumentError(`Expected a duration from ${least}ms to ${most / 1_000}s, such as 500ms or 2s.`);
  });
}

/** An option that takes a whole number between two limits. Without a value it has no default. */
export function number(flags: string, about: string, least: number, most: number, value?: number): Option {
  return new Option(flags, about).default(value).argParser((text: string) => {
    const given = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (given >= least && given <= most) return given;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  });
}

/** For an option that may be given several times. */
export function repeated(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
