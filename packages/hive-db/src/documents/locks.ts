import { presentWriter } from '@hive/shared-db/health';
import type { LockReport, Stranger } from '../file/lock-report.ts';
import type { Answered, Inquiry } from '../inquiry.ts';
import {
  companyOf,
  holderAmong,
  placeOf,
  writing,
  type Acquaintance,
  type Holder,
  type Person,
  type Sighting,
} from './holder.ts';
import { readDuty } from '../watch.ts';
import { unansweredOf, type Unanswered } from './process.ts';
import { turnsDocument, type TurnsDocument } from './turns.ts';

/** `locks --json`, hive-db/locks/v1. What cannot be known is null. */
export interface LocksDocument extends Unanswered {
  readonly schema: 'hive-db/locks/v1';
  readonly databases: readonly DatabaseLocksDocument[];
}

/** One database file, and who is on it. */
export interface DatabaseLocksDocument {
  readonly path: string;
  /** How the processes that have it open call it. */
  readonly names: readonly string[];
  /** Who holds the write lock; null while nobody does. */
  readonly write: Writer | null;
  /** Who moves frames from the log to the file, or recovers the log after a crash; null while nobody does. */
  readonly checkpoint: Holder | null;
  readonly readers: readonly ReaderDocument[];
  /** Processes of ours that wait for the write lock, longest first. Other programs that wait cannot be seen. */
  readonly waiters: readonly Waiter[];
  /** How each process of ours that has it open comes by its turns to write. */
  readonly turns: readonly TurnsOfProcess[];
  /** Everybody who has it open. */
  readonly open: readonly Person[];
  /** Null in rollback mode, and where nobody has the log open. */
  readonly wal: WalDocument | null;
}

/** Who holds the write lock. */
export interface Writer extends Holder {
  /** Since BEGIN gave it the lock, as it says itself. */
  readonly locked_seconds: number | null;
  /** Since it first changed something; null while it has only read, and where that is not known. */
  readonly changed_seconds: number | null;
  /** Whether it waits to commit until nobody reads, as in rollback mode. */
  readonly waits_for_readers: boolean;
}

export interface ReaderDocument extends Person {
  /** Frames of the log that must stay as they are for it. */
  readonly pins_frames: number;
  /** For how long this program has seen it at the same place of the log; 0 where it has looked only once. */
  readonly observed_seconds: number;
}

/** A process of ours with work that waits for the write lock. */
export interface Waiter extends Person {
  readonly label: string | null;
  readonly call_site: string | null;
  readonly waited_seconds: number;
  /** Writes of the same process that wait behind it. */
  readonly behind: number;
}

export interface TurnsOfProcess extends Person, TurnsDocument {}

export interface WalDocument {
  readonly frames: number | null;
  /** Frames that are not yet in the database file. */
  readonly backlog_frames: number | null;
  readonly size_bytes: number | null;
}

/** Processes of ours that wait for the lock try again several times a second. */
const LONG_WAIT_MS = 1_000;

/** Joins what the system tells of the locks with what the processes tell of themselves. Pure. */
export function locksDocument(sightings: readonly Sighting[], inquiry: Inquiry): LocksDocument {
  return {
    schema: 'hive-db/locks/v1',
    databases: sightings.map((sighting) => databaseLocks(sighting, inquiry.answered)),
    ...unansweredOf(inquiry),
  };
}

/** The same for one database. Pure. */
export function databaseLocks(sighting: Sighting, answered: readonly Answered[]): DatabaseLocksDocument {
  const { path, report, observed } = sighting;
  const { ours, names, person, holder } = companyOf(sighting, answered);
  const [writer] = report.writers;
  const [checkpointer] = report.checkpointers;
  return {
    path,
    names,
    write: writer === undefined ? null : writerOf(holder(writer, 'write', writing), ours, report),
    checkpoint: checkpointer === undefined ? null : holder(checkpointer, 'checkpoint', () => undefined),
    readers: report.readers.map((reader) => ({
      ...person(reader),
      pins_frames: reader.pinsFrames,
      observed_seconds: observed(reader.pid, readDuty(reader.frame)) / 1_000,
    })),
    waiters: waitersOf(ours, writer),
    turns: ours.flatMap((one) => turnsOf(one)),
    open: report.openers.map(person),
    wal: walOf(report),
  };
}

function writerOf(writer: Holder, ours: readonly Acquaintance[], { pending }: LockReport): Writer {
  return { ...writer, ...agesOf(ours, writer), waits_for_readers: pending.some(({ pid }) => pid === writer.pid) };
}

function agesOf(ours: readonly Acquaintance[], writer: Stranger): Pick<Writer, 'locked_seconds' | 'changed_seconds'> {
  const one = holderAmong(ours, writer);
  const { lockedMs, changedMs } = (one && presentWriter(one.process.snapshot, one.database)) ?? {};
  return {
    locked_seconds: lockedMs === undefined ? null : lockedMs / 1_000,
    changed_seconds: changedMs === undefined ? null : changedMs / 1_000,
  };
}

/**
 * Whoever has the right to write among its own and not the lock, while somebody else has it, waits for that. Where nobody has it who can
 * be seen from here, that is so of whoever has waited for longer than it takes to try again.
 */
function waitersOf(ours: readonly Acquaintance[], holder: Stranger | undefined): readonly Waiter[] {
  const inside = holder && holderAmong(ours, holder);
  const atLeastMs = holder === undefined ? LONG_WAIT_MS : 0;
  const waiting = ours.flatMap((acquaintance) => {
    const { process, database } = acquaintance;
    const { writer, waiting: behind } = database.lane;
    if (acquaintance === inside || writer === undefined || writer.lockedMs !== undefined) return [];
    if (writer.heldMs < atLeastMs) return [];
    const { label, heldMs } = writer;
    const { pid, snapshot } = process;
    const call_site = placeOf(process, label);
    return [{ pid, command: null, app: snapshot.app, label, call_site, waited_seconds: heldMs / 1_000, behind }];
  });
  return waiting.toSorted((a, b) => b.waited_seconds - a.waited_seconds);
}

function turnsOf({ process: { pid, snapshot }, database }: Acquaintance): readonly TurnsOfProcess[] {
  const turns = turnsDocument(database.turns);
  return turns === null ? [] : [{ pid, command: null, app: snapshot.app, ...turns }];
}

function walOf({ log, walBytes }: LockReport): WalDocument | null {
  if (log === undefined && walBytes === undefined) return null;
  return {
    frames: log?.frames ?? null,
    backlog_frames: log?.backlogFrames ?? null,
    size_bytes: walBytes ?? null,
  };
}
