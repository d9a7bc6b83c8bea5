import type { WaiterInfo } from '@hive/pool';
import type { Culprit, DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { DatabaseSnapshot, LaneWork } from '../snapshot.ts';
import type { Call } from './call.ts';
import type { Access } from './driver.ts';
import type { Patience } from './patience.ts';

/** What may be special about a database beside its driver: what its parts ask it and tell it. Each sees as much of this as it needs. */
export interface Engine {
  /** Done before anybody may use the database. Rejects with why nobody can. */
  prepare(): Promise<void>;
  /** Closes what is open beside the pools, before the connection that writes. */
  closeOthers(graceMs: number): Promise<void>;
  /** Lets go of the rest, at the end. */
  closed(): Promise<void>;
  /** Throws when a call comes from inside a function that must use its own handle. */
  assertOutside(label: Label): void;
  /** Throws while writes are stopped. `now` spares whoever has just read the clock another reading. */
  assertWritable(label: Label, now?: number): void;
  /** Stops writes, after a failure that says that the database cannot be trusted. One that shares files with other processes tells them. */
  fence(failure: DatabaseError): void;
  /**
   * Told after each COMMIT of a write and before anybody else is; what it throws, the caller is told instead.
   *
   * @param tookMs how long that took until it lasts, of a transaction
   */
  committed(label: Label, tookMs?: number): void;
  /** Told when a transaction that could write has let go of the lock, well or not. */
  wrote(): void;
  /** How a call waits for the lock; only who may write is in a line with others who do. */
  patience(call: Omit<Call, 'thrown'>, access: Access): Patience;
  /** Who is in the way of those who wait for the lock, as far as that can be told. */
  culprits(): readonly Culprit[];
  /** The file that the lock is of; undefined where it is of none. */
  readonly lockedFile: string | undefined;
  /** What only it can say of itself, for a snapshot. */
  state(): EngineState;
}

/** Its part of a snapshot. */
export interface EngineState {
  /** Who waits to write elsewhere than in the pool, and what has been written there; undefined where nobody does. */
  readonly lane: EngineLane | undefined;
  readonly turns: DatabaseSnapshot['turns'];
  readonly repair: DatabaseSnapshot['repair'];
  readonly files: Pick<DatabaseSnapshot, 'path' | 'fileBytes' | 'walBytes' | 'checkpoints'>;
}

/** A queue of an engine's own, in front of the one that writes. */
export interface EngineLane {
  readonly waiters: readonly WaiterInfo[];
  readonly work: LaneWork;
}

/** Of one that has nothing of all that. */
export const PLAIN_STATE: EngineState = Object.freeze({
  lane: undefined,
  turns: undefined,
  repair: undefined,
  files: { path: undefined, fileBytes: undefined, walBytes: undefined, checkpoints: undefined },
});
