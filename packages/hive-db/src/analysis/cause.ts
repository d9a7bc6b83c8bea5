import { STUCK_MS } from '@hive/shared-db/health';
import { holderAmong, placeOf, reading, type Acquaintance, type Doing, type Person } from '../documents/holder.ts';
import type { DatabaseLocksDocument } from '../documents/locks.ts';
import { USUAL_CHECKPOINT_FRAMES } from '../file/wal.ts';
import type { Answered } from '../inquiry.ts';
import { count, duration, size } from '../render/figures.ts';

/**
 * Why somebody waits now, the first of these that is so: for the write lock, for somebody to let a database go on that was suspended, for a connection, for a process that is stuck, or soon for
 * a log that cannot begin again. `readers`: who writes waits for those who read, as in rollback mode. `held`: the write lock is held for long, and others may wait who cannot be asked. `none`: nobody waits.
 */
export type CauseVerdict = 'readers' | 'write-lock' | 'suspended' | 'connections' | 'stuck' | 'log' | 'held' | 'none';

/** Somebody in the way. What cannot be known is null. */
export interface Culprit extends Person, Doing {
  /** For how long this program has seen it with its lock; null where it is not a lock that is in the way. */
  readonly observed_seconds: number | null;
}

/** The root of waiting for one database. */
export interface Cause {
  readonly verdict: CauseVerdict;
  /** Without a full stop. */
  readonly sentence: string;
  readonly culprits: readonly Culprit[];
}

/** A transaction should hold the lock for milliseconds: here the process of ours that has it is worth a word. */
const LONG_HELD_SECONDS = 1;

const UNKNOWN: Doing = { label: null, call_site: null, held_seconds: null };

/** Finds the root of waiting, joining locks, queues, event loops and the log. Pure. */
export function causeOf(locks: DatabaseLocksDocument, uses: readonly Acquaintance[]): Cause {
  return (
    waitingForReaders(locks) ??
    waitingToWrite(locks, uses) ??
    waitingForUnseen(locks) ??
    waitingForResume(uses) ??
    waitingForConnection(uses) ??
    stuckProcess(uses) ??
    pinnedLog(locks, uses) ??
    heldLock(locks) ?? { verdict: 'none', sentence: 'nobody waits', culprits: [] }
  );
}

/** In rollback mode a commit needs the file for itself. */
function waitingForReaders({ write, readers }: DatabaseLocksDocument): Cause | undefined {
  if (write?.waits_for_readers !== true) return undefined;
  const [first, ...others] = readers
    .filter(({ pid }) => pid !== write.pid)
    .toSorted((a, b) => b.observed_seconds - a.observed_seconds);
  if (first === undefined) return undefined;
  const seen = first.observed_seconds === 0 ? '' : `, at least for ${duration(first.observed_seconds)}`;
  const beside = others.length === 0 ? '' : `, and ${count(others.length, 'other')} beside it`;
  return {
    verdict: 'readers',
    sentence: `${named(write)} waits to commit because ${named(first)} reads${seen}${beside}: in rollback-journal mode nobody can begin to read meanwhile`,
    culprits: [first, ...others].map((reader) => culpritOf({ ...reader, ...UNKNOWN })),
  };
}

function waitingToWrite({ write, waiters }: DatabaseLocksDocument, uses: readonly Acquaintance[]): Cause | undefined {
  if (write === null) return undefined;
  const own = holderAmong(uses, write);
  const behindOwn = own?.database.lane.waiting ?? 0;
  const waiting = waiters.reduce((sum, { behind }) => sum + 1 + behind, behindOwn);
  if (waiting === 0) return undefined;
  const [first] = waiters;
  const longest = Math.max(first?.waited_seconds ?? 0, (own?.database.lane.oldestWaitMs ?? 0) / 1_000);
  const who = first === undefined ? 'all in that process' : `longest "${first.label ?? '?'}" of ${named(first)}`;
  return {
    verdict: 'write-lock',
    sentence: `${count(waiting, 'write waits', 'writes wait')} for up to ${duration(longest)} because ${named(write)} holds the write lock${doing(write)}${stuck(own)}; ${who}`,
    culprits: [culpritOf(write)],
  };
}

/** The system does not list the locks of other containers: who has one there cannot be seen from here. */
function waitingForUnseen({ write, waiters }: DatabaseLocksDocument): Cause | undefined {
  const [first] = waiters;
  if (write !== null || first === undefined) return undefined;
  const waiting = waiters.reduce((sum, { behind }) => sum + 1 + behind, 0);
  return {
    verdict: 'write-lock',
    sentence: `${count(waiting, 'write waits', 'writes wait')} for up to ${duration(first.waited_seconds)} for the write lock, which nobody has who can be seen from here: it may be held in another container; longest "${first.label ?? '?'}" of ${named(first)}`,
    culprits: [],
  };
}

/** Nobody is in the way but the one who has told it to wait. */
function waitingForResume(uses: readonly Acquaintance[]): Cause | undefined {
  const [worst] = uses
    .filter((use) => use.database.pool.status === 'suspended' && waitingIn(use) > 0)
    .toSorted((a, b) => waitingIn(b) - waitingIn(a));
  if (worst === undefined) return undefined;
  const { pool, lane } = worst.database;
  const longest = Math.max(pool.oldestWaitMs, lane.oldestWaitMs) / 1_000;
  return {
    verdict: 'suspended',
    sentence: `${count(waitingIn(worst), 'caller waits', 'callers wait')} in ${named(ourselves(worst.process))}, the oldest for ${duration(longest)}, because it is suspended there`,
    culprits: [],
  };
}

/** Callers for connections, and writes. */
function waitingIn({ database: { pool, lane } }: Acquaintance): number {
  return pool.waiting + lane.waiting;
}

function waitingForConnection(uses: readonly Acquaintance[]): Cause | undefined {
  const [worst] = uses
    .filter(({ database }) => database.pool.waiting > 0)
    .toSorted((a, b) => b.database.pool.oldestWaitMs - a.database.pool.oldestWaitMs);
  if (worst === undefined) return undefined;
  const { process, database } = worst;
  const { waiting, oldestWaitMs, leased } = database.pool;
  const holders = database.leases
    .toSorted((a, b) => b.ageMs - a.ageMs)
    .map((lease) => ({
      ...ourselves(process),
      label: lease.owner ?? null,
      call_site: lease.acquiredAt ?? null,
      held_seconds: lease.ageMs / 1_000,
      observed_seconds: null,
    }));
  const [oldest] = holders;
  const held = oldest === undefined ? '' : `, longest${doing(oldest)}`;
  return {
    verdict: 'connections',
    sentence: `${count(waiting, 'caller waits', 'callers wait')} in ${named(ourselves(process))} for a connection, the oldest for ${duration(oldestWaitMs / 1_000)}, because ${count(leased, 'is', 'are')} in use${held}`,
    culprits: holders,
  };
}

function stuckProcess(uses: readonly Acquaintance[]): Cause | undefined {
  const use = uses.find(({ process }) => process.snapshot.eventLoop.blockedMs >= STUCK_MS);
  if (use === undefined) return undefined;
  const { label = null, blockedMs } = use.process.snapshot.eventLoop;
  const person = ourselves(use.process);
  return {
    verdict: 'stuck',
    sentence: `${named(person)} serves nobody${stuck(use)}`,
    culprits: [
      {
        ...person,
        label,
        call_site: placeOf(use.process, label),
        held_seconds: blockedMs / 1_000,
        observed_seconds: null,
      },
    ],
  };
}

function pinnedLog({ readers, wal }: DatabaseLocksDocument, uses: readonly Acquaintance[]): Cause | undefined {
  const [worst] = readers.toSorted((a, b) => b.pins_frames - a.pins_frames);
  if (worst === undefined || worst.pins_frames < USUAL_CHECKPOINT_FRAMES) return undefined;
  const own = uses.find(({ process }) => process.pid === worst.pid);
  const does = (own && reading(own, worst.observed_seconds > 0)) ?? UNKNOWN;
  return {
    verdict: 'log',
    sentence: `nobody waits, but ${named(worst)} reads in one transaction${doing(does)} and keeps ${count(worst.pins_frames, 'frame')} in the log, which grows to ${size(wal?.size_bytes ?? null)} and on`,
    culprits: [culpritOf({ ...worst, ...does })],
  };
}

/** Programs that are not ours may wait unseen: nobody can say that nobody does while the lock is held. */
function heldLock({ write, open }: DatabaseLocksDocument): Cause | undefined {
  if (write === null) return undefined;
  const isStranger = write.app === null;
  if (isStranger ? write.observed_seconds === 0 : (write.locked_seconds ?? 0) < LONG_HELD_SECONDS) return undefined;
  const holds = isStranger
    ? `${named(write)} has held the write lock for at least ${duration(write.observed_seconds)}`
    : `${named(write)} holds the write lock${doing(write)}`;
  const areAllOurs = open.every(({ app }) => app !== null);
  return {
    verdict: 'held',
    sentence: areAllOurs
      ? `nobody waits, but ${holds}`
      : `no process of ours waits, but ${holds}; whether other programs wait for it cannot be seen`,
    culprits: [culpritOf(write)],
  };
}

/** The main thread of a holder may be the reason why it holds for so long. */
function stuck(use: Acquaintance | undefined): string {
  const { blockedMs = 0, label, statement } = use?.process.snapshot.eventLoop ?? {};
  if (blockedMs < STUCK_MS) return '';
  const inside = label === undefined ? '' : ` inside "${label}"`;
  return `; its main thread has been stuck for ${duration(blockedMs / 1_000)}${inside}${statement === undefined ? '' : `: ${statement}`}`;
}

/** What somebody does, and for how long, as the end of a clause. */
export function doing({ label, call_site: site, held_seconds: held }: Doing): string {
  const parts = [
    label === null ? '' : ` by "${label}"`,
    held === null ? '' : ` for ${duration(held)}`,
    site === null ? '' : `, ${site}`,
  ];
  return parts.join('');
}

/** A process as people call it. */
export function named({ pid, app, command }: Person): string {
  return `${app ?? command ?? 'a process'} (pid ${pid})`;
}

function ourselves({ pid, snapshot }: Answered): Person {
  return { pid, app: snapshot.app, command: null };
}

function culpritOf({ pid, app, command, label, call_site, held_seconds, observed_seconds }: Culprit): Culprit {
  return { pid, app, command, label, call_site, held_seconds, observed_seconds };
}
