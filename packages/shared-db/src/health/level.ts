/** How far a figure has come to a mark that it should stay below: 1 where it has reached it. */
export function reached(figure: number, mark: number): number {
  if (mark > 0) return figure / mark;
  return figure > 0 ? Infinity : 0;
}

/** The same for a mark that it may come up to: less than 1 where it has. */
export function beyond(figure: number, mark: number): number {
  return figure > mark ? Math.max(1, reached(figure, mark)) : Math.min(JUST_BELOW, reached(figure, mark));
}

const JUST_BELOW = 1 - Number.EPSILON;
