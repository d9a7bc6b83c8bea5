import type { Io } from './io.ts';
import type { Paint } from './render/paint.ts';

/** What every verb is told: the world, and the options that all verbs share. */
export interface Invocation {
  readonly io: Io;
  /** One JSON document instead of text. */
  readonly json: boolean;
  readonly paint: Paint;
  /** Columns that text may take. */
  readonly width: number;
  /** Where processes find each other; undefined means where this user's do. */
  readonly runtimeDirectory: string | undefined;
  /** How long a process may take to answer. */
  readonly timeoutMs: number;
}

/** Says something to the person at the terminal. One line. */
export function say({ io }: Pick<Invocation, 'io'>, sentence: string): void {
  io.stderr.write(`hive-db: ${sentence}\n`);
}
