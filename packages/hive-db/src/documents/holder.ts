import type { DatabaseSnapshot, LeaseSnapshot } from '@hive/shared-db';
import { presentWriter } from '@hive/shared-db/health';
import type { DatabaseFile } from '../file/file-report.ts';
import type { LockReport, Stranger } from '../file/lock-report.ts';
import type { Answered } from '../inquiry.ts';
import type { Duty, Observed } from '../watch.ts';

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
  /** Since when it has the right to do that, as it says itself. */
  readonly held_seconds: number | null;
  /** For how long this program has seen it with that lock; 0 where it has looked only once. */
  readonly observed_seconds: number;
}

/** One database as this host sees it. */
export interface Sighting {
  readonly path: string;
  /** All paths by which processes call this file. */
  readonly aliases: ReadonlySet<string>;
  readonly report: LockReport;
  readonly observed: Observed;
}

/** One that was looked at more closely. */
export interface FileSighting extends Sighting {
  /** What the file itself tells. */
  readonly file: DatabaseFile;
}

/** A process of ours and the database in question. */
export interface Acquaintance {
  readonly process: Answered;
  readonly database: DatabaseSnapshot;
}

/** What a process of ours says that it does with a database. */
export interface Doing {
  readonly label: string | null;
  readonly call_site: string | null;
  readonly held_seconds: number | null;
}

/** Everybody on one database, in the system's words joined with their own. */
export interface Company {
  readonly ours: readonly Acquaintance[];
  /** How they call the database. */
  readonly names: readonly string[];
  readonly person: (stranger: Stranger) => Person;
  /** `does` is asked only where it is one of ours; `lasts`: whether it was seen with that lock before. */
  readonly holder: (
    stranger: Stranger,
    duty: Duty,
    does: (one: Acquaintance, lasts: boolean) => Doing | undefined,
  ) => Holder;
}

/** A read that is younger was not there at an earlier look. */
const LASTING_MS = 50;

const NOT_KNOWN: Doing = { label: null, call_site: null, held_seconds: null };

/** Joins what the system tells with what the processes tell of themselves. Pure. */
export function companyOf(sighting: Sighting, answered: readonly Answered[]): Company {
  const { observed } = sighting;
  const ours = acquaintancesOf(sighting, answered);
  const person = (stranger: Stranger): Person => ({
    pid: stranger.pid,
    command: stranger.command,
    // Of several services of one process, the one that has this database open.
    app:
      (holderAmong(ours, stranger)?.process ?? answered.find(({ pid }) => pid === stranger.pid))?.snapshot.app ?? null,
  });
  return {
    ours,
    names: [...new Set(ours.map(({ database }) => database.name))],
    person,
    holder: (stranger, duty, does) => {
      const acquaintance = holderAmong(ours, stranger);
      const observedMs = observed(stranger.pid, duty);
      const doing = acquaintance && does(acquaintance, observedMs > 0);
      return { ...person(stranger), ...(doing ?? NOT_KNOWN), observed_seconds: observedMs / 1_000 };
    },
  };
}

/** By what processes said at one moment, who has which path open: they may have thousands of databases. */
const byPath = new WeakMap<readonly Answered[], ReadonlyMap<string, readonly Acquaintance[]>>();

/** The processes of ours that have the file open, in their order. */
export function acquaintancesOf({ aliases }: Sighting, answered: readonly Answered[]): readonly Acquaintance[] {
  const known = byPath.get(answered) ?? indexOf(answered);
  byPath.set(answered, known);
  const found = [...aliases].flatMap((path) => known.get(path) ?? []);
  return aliases.size < 2 ? found : found.toSorted((a, b) => answered.indexOf(a.process) - answered.indexOf(b.process));
}

function indexOf(answered: readonly Answered[]): ReadonlyMap<string, readonly Acquaintance[]> {
  const all = answered.flatMap((process) =>
    process.snapshot.databases.map((database): Acquaintance => ({ process, database })),
  );
  return Map.groupBy(all, ({ database }) => database.path ?? '');
}

/** Of the services of one process that have a database open, the one that has its lock, as far as they say. Pure. */
export function holderAmong(ours: readonly Acquaintance[], { pid }: Pick<Stranger, 'pid'>): Acquaintance | undefined {
  const uses = ours.filter(({ process }) => process.pid === pid);
  return (
    uses.find(({ database }) => database.lane.writer?.lockedMs !== undefined) ??
    uses.find(({ process }) => process.snapshot.eventLoop.blockedMs > 0) ??
    uses[0]
  );
}

/** What a process does with the right to write that it has given itself. */
export function writing({ process, database }: Acquaintance): Doing | undefined {
  const writer = presentWriter(process.snapshot, database);
  if (writer === undefined) return undefined;
  const { label, callSite = null, heldMs } = writer;
  return { label, call_site: callSite, held_seconds: heldMs / 1_000 };
}

/**
 * What a process reads, whose lock on the log was seen; `lasts`: at more than one look. A read has its snapshot from beginning to end,
 * and the oldest keeps most. A session has one only while it is at a statement: it is named where the lock lasts and there is no read
 * that does, and not for how long. Where a process reads nothing else, it is its own transaction that writes.
 */
export function reading(acquaintance: Acquaintance, lasts: boolean): Doing | undefined {
  const { process, database } = acquaintance;
  const { leases } = database;
  const [read] = oldestFirst(leases.filter(({ use }) => use === 'read' || use === 'any'));
  const [session] = oldestFirst(leases.filter(({ use }) => use === 'session'));
  if (session !== undefined && lasts && (read === undefined || read.ageMs < LASTING_MS))
    return { ...leaseOf(process, session), held_seconds: null };
  return read === undefined ? writing(acquaintance) : leaseOf(process, read);
}

function oldestFirst(leases: readonly LeaseSnapshot[]): readonly LeaseSnapshot[] {
  return leases.toSorted((a, b) => b.ageMs - a.ageMs);
}

function leaseOf(process: Answered, { owner, acquiredAt, ageMs }: LeaseSnapshot): Doing {
  return {
    label: owner ?? null,
    call_site: acquiredAt ?? placeOf(process, owner ?? null),
    held_seconds: ageMs / 1_000,
  };
}

/** Where a label is used in the source of its process; null where that is not known. */
export function placeOf({ snapshot }: Answered, wanted: string | null): string | null {
  return snapshot.labels.find(({ label }) => label === wanted)?.callSite ?? null;
}
