/** What tells one pool from all others of the host, later processes of the same number included. */
export interface PoolIdentity {
  readonly pid: number;
  readonly app: string;
  readonly startedAt: number;
  readonly database: string;
}

/** The identity as a key of a map. */
export function poolKey({ pid, app, startedAt, database }: PoolIdentity): string {
  return JSON.stringify([pid, app, startedAt, database]);
}
