import type { DatabaseSnapshot, LeaseSnapshot } from '@hive/shared-db';
import type { LockReport, Stranger } from '../file/lock-report.ts';
import type { Answered, Inquiry } from '../inquiry.ts';
import { unansweredOf, type Unanswered } from './process.ts';

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
  readonly write: Holder | null;
  /** Who moves frames from the log to the file, or recovers the log after a crash; null while nobody does. */
  readonly checkpoint: Holder | null;
  readonly readers: readonly ReaderDocument[];
  /** Processes of ours that wait for the write lock, longest first. Other programs that wait cannot be seen. */
  readonly waiters: readonly Waiter[];
  /** Everybody who has it open. */
  readonly open: readonly Person[];
  /** Null in rollback mode, and where nobody has the log open. */
  readonly wal: WalDocument | null;
}

/** A process, by the name of its app where it is one of ours. */
export interface Person extends Stranger {
  readonly app: string | null;
}

/** A process with a lock. */
export interface Holder extends Person {
  /** What it does there; null where it is not one of ours. */
  readonly label: string | null;
  /** Where in its source that was begun. */
  readonly call_site: string | null;
  /** Since when it has the right to write, as it says itself. */
  readonly held_seconds: number | null;
  /** For how long this program has seen it. */
  readonly observed_seconds: number;
}

export interface ReaderDocument extends Person {
  /** Frames of the log that must stay as they are for it. */
  readonly pins_frames: number;
}

/** A process of ours with work that waits for the write lock. */
export interface Waiter extends Person {
  readonly label: string | null;
  readonly call_site: string | null;
  readonly waited_seconds: number;
  /** Writes of the same process that wait behind it. */
  readonly behind: number;
}

export interface WalDocument {
  readonly frames: number | null;
  /** Frames that are not yet in the database file. */
  readonly backlog_frames: number | null;
  readonly size_bytes: number | null;
}

/** One database as this host sees it. */
export interface Sighting {
  readonly path: string;
  /** All paths by which processes call this file. */
  readonly aliases: ReadonlySet<string>;
  readonly report: LockReport;
  /** How long it has been watched. */
  readonly observedMs: number;
}

/** Joins what the system tells of the locks with what the processes tell of themselves. Pure. */
export function locksDocument(sightings: readonly Sighting[], inquiry: Inquiry): LocksDocument {
  return {
    schema: 'hive-db/locks/v1',
    databases: sightings.map((sighting) => databaseLocks(sighting, inquiry.answered)),
    ...unansweredOf(inquiry),
  };
}

/** A process of ours and the database in question. */
interface Acquaintance {
  readonly process: Answered;
  readonly database: DatabaseSnapshot;
}

/** The same for one database. Pure. */
export function databaseLocks(
  { path, aliases, report, observedMs }: Sighting,
  answered: readonly Answered[],
): DatabaseLocksDocument {
  const ours = answered.flatMap((process) =>
    process.snapshot.databases
      .filter((database) => aliases.has(database.path ?? ''))
      .map((database) => ({ process, database })),
  );
  const person = (stranger: Stranger): Person => ({
    ...stranger,
    app: answered.find(({ pid }) => pid === stranger.pid)?.snapshot.app ?? null,
  });
  const holder = (stranger: Stranger | undefined, does: (one: Acquaintance) => Doing | undefined): Holder | null => {
    if (stranger === undefined) return null;
    const acquaintance = ours.find(({ process }) => process.pid === stranger.pid);
    const doing = acquaintance && does(acquaintance);
    return { ...person(stranger), ...(doing ?? NOT_KNOWN), observed_seconds: observedMs / 1_000 };
  };
  const [writer] = report.writers;
  return {
    path,
    names: [...new Set(ours.map(({ database }) => database.name))],
    write: holder(writer, writing),
    checkpoint: holder(report.checkpointers[0], () => undefined),
    readers: report.readers.map(({ pinsFrames, ...stranger }) => ({ ...person(stranger), pins_frames: pinsFrames })),
    waiters: waitersOf(ours, writer, person),
    open: report.openers.map(person),
    wal: walOf(report),
  };
}

interface Doing {
  readonly label: string | null;
  readonly call_site: string | null;
  readonly held_seconds: number | null;
}

const NOT_KNOWN: Doing = { label: null, call_site: null, held_seconds: null };

/** What a process does with the right to write that it has given itself. */
function writing({ database }: Acquaintance): Doing | undefined {
  const { writer } = database.lane;
  if (writer === undefined) return undefined;
  return {
    label: writer.label,
    call_site: leaseOf(database, writer.label)?.acquiredAt ?? null,
    held_seconds: writer.heldMs / 1_000,
  };
}

// The lane does not say which lease is the writer's: of those with its label it is the one with its age.
function leaseOf({ leases, lane }: DatabaseSnapshot, label: string): LeaseSnapshot | undefined {
  const age = lane.writer?.heldMs ?? 0;
  return leases
    .filter(({ owner }) => owner === label)
    .toSorted((a, b) => Math.abs(a.ageMs - age) - Math.abs(b.ageMs - age))[0];
}

/** Whoever has its process's right to write and not the lock, while somebody else has it, waits for that. */
function waitersOf(
  ours: readonly Acquaintance[],
  writer: Stranger | undefined,
  person: (stranger: Stranger) => Person,
): readonly Waiter[] {
  if (writer === undefined) return [];
  const waiting = ours.flatMap((acquaintance) => {
    const doing = writing(acquaintance);
    const { pid } = acquaintance.process;
    if (doing === undefined || pid === writer.pid) return [];
    const { label, call_site, held_seconds } = doing;
    const behind = acquaintance.database.lane.waiting;
    return [{ ...person({ pid, command: null }), label, call_site, waited_seconds: held_seconds ?? 0, behind }];
  });
  return waiting.toSorted((a, b) => b.waited_seconds - a.waited_seconds);
}

function walOf({ log, walBytes }: LockReport): WalDocument | null {
  if (log === undefined && walBytes === undefined) return null;
  return {
    frames: log?.frames ?? null,
    backlog_frames: log?.backlogFrames ?? null,
    size_bytes: walBytes ?? null,
  };
}
