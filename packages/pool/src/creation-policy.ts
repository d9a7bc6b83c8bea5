/** What is known when the question comes up whether to open another resource. */
export interface Demand {
  /** Callers in the queue. */
  readonly waiting: number;
  /** Resources that will serve the queue: leased, being validated, being reset. */
  readonly serving: number;
  readonly creating: number;
  /** How many more may exist. */
  readonly room: number;
  readonly maxCreating: number;
  /** How long a use takes, smoothed; undefined before the first one ended. */
  readonly useMs: number | undefined;
  /** How long a creation takes, smoothed; undefined before the first one succeeded. */
  readonly createMs: number | undefined;
  /** How long the head of the queue has been waiting. */
  readonly oldestWaitMs: number;
}

/**
 * How many creations to start now. A new resource pays only when the queue would take longer than a connect: fifty requests of
 * 2 ms over five connections are served in 20 ms, and forty-five connects of 150 ms would all come too late (what every Node
 * pool does; HikariCP's documents call it the spike). Pure; called before every attempt, so that the need is always re-checked.
 */
export function creationsWanted(demand: Demand): number {
  const { waiting, serving, creating, room, maxCreating } = demand;
  const most = Math.min(waiting - creating, room, maxCreating - creating);
  let wanted = 0;
  while (wanted < most && isWorthIt(demand, creating + wanted)) wanted++;
  // Nobody serves the queue and nothing is on its way: one attempt must run, whatever the figures say.
  return wanted === 0 && most > 0 && serving + creating === 0 ? 1 : wanted;
}

function isWorthIt({ waiting, serving, useMs, createMs, oldestWaitMs }: Demand, creating: number): boolean {
  // The figures were too hopeful: holders keep what they have. Each connect time of waiting buys one more attempt.
  const patience = createMs === undefined || createMs === 0 ? oldestWaitMs : oldestWaitMs / createMs;
  if (creating + 1 <= patience) return true;
  const capacity = serving + creating;
  if (useMs === undefined || createMs === undefined) return serving === 0 || creating === 0;
  return (waiting * useMs) / capacity > createMs;
}
