import type { Answered, Inquiry, Unreachable } from '../inquiry.ts';

/** What every document says of a process first. */
export interface ProcessHeading {
  readonly pid: number;
  readonly app: string;
  readonly uptime_seconds: number;
  /** For how long its main thread has served nobody; 0 while it does. All else is then as it was before. */
  readonly event_loop_blocked_seconds: number;
  /** What blocks it, where that is a call of the service; null where it is not, and while nothing does. */
  readonly blocked_by: { readonly label: string | null; readonly statement: string | null } | null;
}

/** What every document may hold beside its processes. */
export interface Unanswered {
  /** Processes that are there and gave no usable answer; absent where all answered. */
  readonly unreachable?: readonly Unreachable[];
}

export function headingOf({ pid, snapshot }: Answered): ProcessHeading {
  const { blockedMs, label = null, statement = null } = snapshot.eventLoop;
  return {
    pid,
    app: snapshot.app,
    uptime_seconds: snapshot.uptimeMs / 1_000,
    event_loop_blocked_seconds: blockedMs / 1_000,
    blocked_by: label === null && statement === null ? null : { label, statement },
  };
}

export function unansweredOf({ unreachable }: Pick<Inquiry, 'unreachable'>): Unanswered {
  return unreachable.length === 0 ? {} : { unreachable };
}

/** Milliseconds since 1970 as RFC 3339; null for what is no point in time. */
export function moment(ms: number): string | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
