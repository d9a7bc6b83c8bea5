import type { Durability } from '../../suites/sqlite/stage.ts';

/** A file, and the one transaction that is done to it again and again. */
export interface Writing {
  /** A database in WAL mode. */
  readonly path: string;
  readonly durability: Durability;
  /** How long the engine may wait for the write lock, as it does: blocking. */
  readonly busyTimeoutMs: number;
  readonly statements: readonly Statement[];
  /** Done before each COMMIT. */
  readonly beforeCommit: () => void;
}

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

/** Writes as the users of some library do. */
export interface PeerWriter {
  /** One transaction; it has been written when this returns, or when what it returns resolves. */
  write(): void | Promise<void>;
  close(): Promise<void>;
}

/** What makes the sides equal: a connection of any library is set so before it writes. */
export function pragmasOf({ durability, busyTimeoutMs }: Writing): readonly string[] {
  return [`synchronous = ${durability === 'full' ? 2 : 1}`, `busy_timeout = ${busyTimeoutMs}`];
}
