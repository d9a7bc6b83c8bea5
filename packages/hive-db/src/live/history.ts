/** How far back the view remembers. */
export const REMEMBERED_MS = 180_000;
/** The finest that is told apart: what happened within one step counts as one, and the highest of it is shown. */
export const STEP_MS = 3_000;

/** The highest values within one step of time. Null: not known. */
interface Step {
  readonly number: number;
  readonly use: number | null;
  readonly acquireSeconds: number | null;
}

/** What was seen of one pool over the last minutes, oldest first. At most 61 steps. */
export type History = readonly Step[];

export interface Sample {
  readonly use: number | null;
  readonly acquireSeconds: number | null;
}

/**
 * The history with one more sample, which stands for the time since the sample before where that is no longer ago than `reachMs`, and
 * without what is too old. Time that goes backwards begins a new history. Pure.
 */
export function remember(history: History, at: number, sample: Sample, reachMs: number): History {
  const number = Math.floor(at / STEP_MS);
  const last = history.at(-1);
  if (last === undefined || last.number > number) return [{ number, ...sample }];
  const oldest = number - REMEMBERED_MS / STEP_MS;
  if (last.number === number) {
    const step = {
      number,
      use: highest(last.use, sample.use),
      acquireSeconds: highest(last.acquireSeconds, sample.acquireSeconds),
    };
    return [...history.slice(0, -1), step];
  }
  const reach = Math.ceil(reachMs / STEP_MS) + 1;
  const first = number - last.number > reach ? number : Math.max(last.number + 1, oldest);
  const steps = Array.from({ length: number - first + 1 }, (_, index) => ({ number: first + index, ...sample }));
  return [...history.filter((step) => step.number >= oldest), ...steps];
}

/** What was seen last. */
export function latest(history: History, of: (sample: Sample) => number | null): number | null {
  return history.map((step) => of(step)).findLast((value) => value !== null) ?? null;
}

/**
 * The last minutes in `length` values, the newest last. A value is the highest of its time and changes no more when its time is over.
 * Pure.
 */
export function course(
  history: History,
  at: number,
  length: number,
  of: (sample: Sample) => number | null,
): readonly (number | null)[] {
  const perValue = Math.max(1, Math.round(REMEMBERED_MS / STEP_MS / length));
  const newest = Math.floor(at / STEP_MS / perValue);
  const values = Array.from({ length }, (): number | null => null);
  for (const step of history) {
    const index = length - 1 - (newest - Math.floor(step.number / perValue));
    if (index >= 0 && index < length) values[index] = highest(values[index] ?? null, of(step));
  }
  return values;
}

function highest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
