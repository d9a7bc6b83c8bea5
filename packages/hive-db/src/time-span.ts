import { safe } from './render/safe-text.ts';
import { WrongUse } from './wrong-use.ts';

/** From one moment to another, both included; milliseconds since 1970. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;
const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/;

/**
 * What `--from` and `--to` mean; without them, always. A time of day is of the day on which it comes nearest to `near`. Throws `WrongUse`
 * for what is no time, and for an end before the beginning.
 */
export function timeSpan(from: string | undefined, to: string | undefined, near: number): TimeSpan {
  const span = {
    from: from === undefined ? -Infinity : momentOf('--from', from, near),
    to: to === undefined ? Infinity : momentOf('--to', to, near),
  };
  if (span.from > span.to) throw new WrongUse(`--from ${from} is later than --to ${to}`);
  return span;
}

function momentOf(option: string, text: string, near: number): number {
  const moment = MOMENT.test(text) ? Date.parse(text) : TIME_OF_DAY.test(text) ? timeOfDay(text, near) : Number.NaN;
  if (!Number.isNaN(moment)) return moment;
  throw new WrongUse(
    `${option} ${safe(text)} is no time; expected one such as 11:52, 11:52:07 or 2026-11-21T11:52:07Z`,
  );
}

function timeOfDay(text: string, near: number): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.split(':').map(Number);
  const ofDay = ((hours * 60 + minutes) * 60 + seconds) * 1_000;
  return ofDay + Math.round((near - ofDay) / DAY_MS) * DAY_MS;
}
