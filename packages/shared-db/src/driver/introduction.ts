import { statSync } from 'node:fs';
import type { Culprit, WaiterAhead } from '../errors.ts';
import { presentWriter } from '../health/present-writer.ts';
import { listProcesses, type ProcessReport } from '../presence/process-list.ts';
import type { DatabaseSnapshot, ServiceSnapshot } from '../snapshot.ts';

/** How long processes are asked who they are: who is not stuck answers in a few milliseconds. */
const ASK_MS = 100;

/** Who is in the way of somebody who waits for a file, and who waited before. */
export interface Introduction {
  readonly culprits: readonly Culprit[];
  readonly waiters: readonly WaiterAhead[];
}

/** Whom to introduce, and to whom. */
export interface Encounter {
  /** Processes that hold the lock, as the system knows them. */
  readonly culprits: readonly Culprit[];
  /** Where processes find each other; undefined where they do not. */
  readonly directory: string | undefined;
  readonly path: string | undefined;
  /** For how long the caller has waited by now: who has for longer was there before. */
  readonly waitedMs: () => number;
}

/** A service that has the file open. A process may have several: in other threads, or beside each other. */
interface User {
  readonly pid: number;
  readonly snapshot: ServiceSnapshot;
  readonly database: DatabaseSnapshot;
}

/**
 * Adds to the processes that are in the way what they say of themselves: their app, what they are writing to the file and where that was
 * begun; and who else waits. Who cannot be found or does not answer remains what the system knows of it.
 */
export async function introduced({ culprits, directory, path, waitedMs }: Encounter): Promise<Introduction> {
  if (directory === undefined || culprits.length === 0) return { culprits, waiters: [] };
  const reports = await listProcesses({ directory, timeoutMs: ASK_MS }).catch(() => []);
  // Asked of the caller last: of two that came at once neither was before.
  const mine = waitedMs();
  const users = reports.flatMap((report) => usersOf(report, path));
  const holders = culprits.map(({ pid }) => holderAmong(users.filter((user) => user.pid === pid)));
  return {
    culprits: culprits.map((culprit, index) => {
      const holder = holders[index];
      const app = holder?.snapshot.app ?? appOf(culprit.pid, reports);
      return { ...culprit, ...(app === undefined ? {} : { app }), ...(holder === undefined ? {} : writingOf(holder)) };
    }),
    waiters: users
      .filter((user) => user.pid !== process.pid && !holders.includes(user))
      .flatMap((user) => waitingOf(user))
      .filter(({ waitMs }) => waitMs >= mine)
      .toSorted((a, b) => b.waitMs - a.waitMs),
  };
}

function usersOf(report: ProcessReport, path: string | undefined): readonly User[] {
  if (report.state !== 'answered') return [];
  const { pid, snapshot } = report;
  return snapshot.databases
    .filter((database) => isSameFile(database.path, path))
    .map((database) => ({ pid, snapshot, database }));
}

/** Of the services of one process, the one that has its lock, as far as they say. */
function holderAmong(users: readonly User[]): User | undefined {
  return (
    users.find(({ database }) => database.lane.writer?.lockedMs !== undefined) ??
    users.find(({ snapshot }) => snapshot.eventLoop.blockedMs > 0) ??
    users[0]
  );
}

/** By `stat`: another process may have come to the file by another path. */
function isSameFile(theirs: string | undefined, ours: string | undefined): boolean {
  if (theirs === ours || theirs === undefined || ours === undefined) return theirs === ours;
  try {
    const [one, other] = [statSync(theirs), statSync(ours)];
    return one.ino === other.ino && one.dev === other.dev;
  } catch {
    return false;
  }
}

function appOf(pid: number | undefined, reports: readonly ProcessReport[]): string | undefined {
  const report = reports.find((one) => one.pid === pid);
  return report?.state === 'answered' ? report.snapshot.app : undefined;
}

function writingOf({ snapshot, database }: User): Pick<Culprit, 'label' | 'heldMs' | 'callSite'> {
  const writer = presentWriter(snapshot, database);
  if (writer === undefined) return {};
  const { label, heldMs, callSite } = writer;
  return { label, heldMs, ...(callSite === undefined ? {} : { callSite }) };
}

/** A process that has the right to write among its own, and not the lock, waits for that. */
function waitingOf({ pid, snapshot, database }: User): readonly WaiterAhead[] {
  const { writer } = database.lane;
  if (writer === undefined || writer.lockedMs !== undefined) return [];
  return [{ pid, app: snapshot.app, label: writer.label, waitMs: writer.heldMs }];
}

/** Who has the lock and who waits for it, as part of a sentence. */
export function inTheWay({ culprits, waiters }: Introduction): string {
  const holders = culprits.length === 0 ? 'somebody else' : culprits.map(described).join(', ');
  const [first] = waiters;
  const held = `${holders} ${culprits.length > 1 ? 'hold' : 'holds'} it`;
  if (first === undefined) return held;
  const others = waiters.length === 1 ? ' waits' : ` and ${waiters.length - 1} more wait`;
  return `${held}; ${described({ ...first, heldMs: first.waitMs })}${others} for it, and longer`;
}

function described({ pid, app, command, label, heldMs, callSite }: Culprit): string {
  const at = callSite === undefined ? '' : ` at ${callSite}`;
  const doing = label === undefined ? undefined : `"${label}" for ${Math.round(heldMs ?? 0)} ms${at}`;
  const known = [app, doing, command].filter((part) => part !== undefined);
  return `process ${pid} (${known.length === 0 ? 'unknown' : known.join(', ')})`;
}
