/** How sluggishly a reason comes and goes, so that a figure that is noisy around its mark does not make it flap. */
export interface Damping {
  /** How long the figure must have been over its mark, at every look, before the reason is there. 0: it is there at once. */
  readonly raiseAfterMs: number;
  /** How long it must then have been below the lower mark, at every look, before the reason is gone. 0: it is gone at once. */
  readonly dropAfterMs: number;
  /** Where that is, as a share of the mark. */
  readonly lower: number;
}

/** Of what is there or is not: nothing to wait for. */
export const IMMEDIATE: Damping = Object.freeze({ raiseAfterMs: 0, dropAfterMs: 0, lower: 1 });

/** What is remembered of one figure while it is, or was lately, over its mark. Moments are on one monotonic clock, in milliseconds. */
export interface Alarm {
  /** Since when it was over: the first look of all those that led to this. */
  readonly since: number;
  /** The last look at which it was. */
  readonly lastOver: number;
  readonly isRaised: boolean;
  /** How long it has been over in a row, as far as somebody looked. Of no more interest once it is raised. */
  readonly overMs: number;
  /** How long it has been below the lower mark in a row, as far as somebody looked. */
  readonly underMs: number;
}

/**
 * The next state of an alarm; undefined while there is nothing to remember. Pure. Between two changes of `isRaised` lie at least
 * `raiseAfterMs` or `dropAfterMs` of looking.
 *
 * @param level the figure as a share of its mark: from 1 on it is over
 * @param lookedMs for how long this look stands; the time in which nobody looked counts for nothing
 */
export function stepAlarm(
  before: Alarm | undefined,
  level: number,
  { now, lookedMs }: { readonly now: number; readonly lookedMs: number },
  { raiseAfterMs, dropAfterMs, lower }: Damping,
): Alarm | undefined {
  if (level >= 1) {
    if (before === undefined) return { since: now, lastOver: now, isRaised: raiseAfterMs <= 0, overMs: 0, underMs: 0 };
    const overMs = before.isRaised ? before.overMs : before.overMs + lookedMs;
    const isRaised = before.isRaised || overMs >= raiseAfterMs;
    return { since: before.since, lastOver: now, isRaised, overMs, underMs: 0 };
  }
  if (before?.isRaised !== true) return undefined;
  const underMs = level < lower ? before.underMs + lookedMs : 0;
  return underMs >= dropAfterMs && level < lower ? undefined : { ...before, underMs };
}
