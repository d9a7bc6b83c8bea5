import type { Clock } from '@hive/pool';

/** How long a lock is waited for between two tries. Constant: growing pauses starve whoever is behind. */
const PAUSE_MS = 1;
/** One pause in as many lasts a millisecond longer, so that nobody keeps step with somebody else: timers count whole milliseconds. */
const LONGER_ONCE_IN = 4;

/** A line that is waited in before, or instead of, trying for a lock that others want. */
export interface Line {
  /** Whether the lock may not even be tried for. */
  readonly mustWait: () => boolean;
  /** Resolves when it is this one's turn. Rejects when that did not come in time. */
  readonly wait: () => Promise<void>;
}

/** How somebody waits for a lock. */
export interface Patience {
  readonly clock: Clock;
  readonly random: () => number;
  /** How often it is tried at the next turn of the event loop: by who knows that the lock is about to be free. */
  readonly eagerTries?: number;
  /** When to give up, on the clock. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly isBusy: (error: unknown) => boolean;
  /** Where somebody agrees with others whose turn it is to try; undefined where everybody may. */
  readonly line: Line | undefined;
  /** Told once, when the first try found the lock taken. */
  readonly onBusy: () => void;
  /** A wait of this length is worth a line in the log. */
  readonly slowMs: number;
  /** Told once, when it has become as long. */
  readonly onSlow: () => void;
  /** Makes the error of giving up; asks around who is in the way. */
  readonly giveUp: (cause: unknown) => Promise<Error>;
  readonly aborted: () => Error;
}

/**
 * Tries until the lock is free. The wait is asynchronous: a busy timeout of the engine would freeze the event loop for as long.
 * A waiting process stays alive.
 */
export async function whenFree<T>(attempt: () => T | Promise<T>, patience: Patience): Promise<T> {
  const { clock, deadline, signal, isBusy, line, onBusy, slowMs, onSlow, giveUp, aborted } = patience;
  if (line?.mustWait() === true) await line.wait();
  let since: number | undefined;
  let isSlow = false;
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (tries === 0) {
        onBusy();
        await line?.wait();
      }
      const now = clock.now();
      since ??= now;
      if (now >= deadline) throw await giveUp(error);
      if (!isSlow && now - since >= slowMs) {
        isSlow = true;
        onSlow();
      }
    }
    await pause(patience, tries);
    if (signal?.aborted === true) throw aborted();
  }
}

function pause({ clock, random, eagerTries = 0 }: Patience, tries: number): Promise<void> {
  return new Promise((resolve) => {
    if (tries < eagerTries) clock.nextTurn(resolve);
    else clock.after(PAUSE_MS + (random() < 1 / LONGER_ONCE_IN ? 1 : 0), resolve);
  });
}
