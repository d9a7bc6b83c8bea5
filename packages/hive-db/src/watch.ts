import type { LockReport } from './file/lock-report.ts';

/** What somebody has a lock for. A reader that sees another frame than before has ended one transaction and begun the next. */
export type Duty = 'write' | 'checkpoint' | `read ${number | 'file'}`;

/** For how long a process has been seen at a duty, in milliseconds; 0 where it is seen for the first time. */
export type Observed = (pid: number, duty: Duty) => number;

/**
 * Remembers from look to look who has which lock on which database. Somebody counts as seen since the first of all looks without a gap
 * at which it had the lock: between two looks it may have let go of it and taken it again.
 */
export class Watch {
  readonly #now: () => number;
  readonly #since = new Map<string, ReadonlyMap<string, number>>();

  /** The clock is monotonic, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes down who is on a database at this moment, and forgets who has gone. */
  note(path: string, report: LockReport): Observed {
    const now = this.#now();
    const earlier = this.#since.get(path);
    const since = new Map(dutiesIn(report).map((key) => [key, earlier?.get(key) ?? now]));
    this.#since.set(path, since);
    return (pid, duty) => now - (since.get(keyOf(pid, duty)) ?? now);
  }
}

/** The duty of a reader by the last frame that it sees; undefined where there is no log or nothing is known of it. */
export function readDuty(frame: number | undefined): Duty {
  return `read ${frame ?? 'file'}`;
}

function dutiesIn({ writers, checkpointers, readers, marks }: LockReport): readonly string[] {
  return [
    ...writers.map(({ pid }) => keyOf(pid, 'write')),
    ...checkpointers.map(({ pid }) => keyOf(pid, 'checkpoint')),
    ...[...readers, ...marks].map(({ pid, frame }) => keyOf(pid, readDuty(frame))),
  ];
}

function keyOf(pid: number, duty: Duty): string {
  return `${pid} ${duty}`;
}
