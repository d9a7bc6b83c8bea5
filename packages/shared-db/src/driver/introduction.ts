import type { Culprit, WaiterAhead } from '../errors.ts';
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

/**
 * Adds to the processes that are in the way what they say of themselves: their app, what they are writing to the file and where that was
 * begun; and who else waits. Who cannot be found or does not answer remains what the system knows of it.
 */
export async function introduced({ culprits, directory, path, waitedMs }: Encounter): Promise<Introduction> {
  if (directory === undefined || culprits.length === 0) return { culprits, waiters: [] };
  const reports = await listProcesses({ directory, timeoutMs: ASK_MS }).catch(() => []);
  // Asked of the caller last: of two that came at once neither was before.
  const mine = waitedMs();
  const holders = new Set(culprits.map(({ pid }) => pid));
  return {
    culprits: culprits.map((culprit) => {
      const snapshot = snapshotOf(reports.find(({ pid }) => pid === culprit.pid));
      return snapshot === undefined ? culprit : { ...culprit, app: snapshot.app, ...writingOf(snapshot, path) };
    }),
    waiters: reports
      .flatMap((report) => (holders.has(report.pid) || report.pid === process.pid ? [] : waitingOf(report, path)))
      .filter(({ waitMs }) => waitMs >= mine)
      .toSorted((a, b) => b.waitMs - a.waitMs),
  };
}

function snapshotOf(report: ProcessReport | undefined): ServiceSnapshot | undefined {
  return report?.state === 'answered' ? report.snapshot : undefined;
}

function databaseAt({ databases }: ServiceSnapshot, path: string | undefined): DatabaseSnapshot | undefined {
  return databases.find((database) => database.path === path);
}

function writingOf(
  snapshot: ServiceSnapshot,
  path: string | undefined,
): Pick<Culprit, 'label' | 'heldMs' | 'callSite'> {
  const database = databaseAt(snapshot, path);
  const writer = database?.lane.writer;
  if (writer === undefined) return {};
  const callSite =
    database?.leases.find(({ owner }) => owner === writer.label)?.acquiredAt ??
    snapshot.labels.find(({ label }) => label === writer.label)?.callSite;
  const { label, heldMs } = writer;
  return { label, heldMs, ...(callSite === undefined ? {} : { callSite }) };
}

/** A process that has the right to write among its own, and not the lock, waits for that. */
function waitingOf(report: ProcessReport, path: string | undefined): readonly WaiterAhead[] {
  const snapshot = snapshotOf(report);
  const writer = snapshot === undefined ? undefined : databaseAt(snapshot, path)?.lane.writer;
  if (snapshot === undefined || writer === undefined || writer.lockedMs !== undefined) return [];
  return [{ pid: report.pid, app: snapshot.app, label: writer.label, waitMs: writer.heldMs }];
}

/** Who has the lock and who waits for it, as part of a sentence. */
export function inTheWay({ culprits, waiters }: Introduction): string {
  const holders = culprits.length === 0 ? 'somebody else' : culprits.map(described).join(', ');
  const [first] = waiters;
  if (first === undefined) return `${holders} holds it`;
  const others = waiters.length === 1 ? ' waits' : ` and ${waiters.length - 1} more wait`;
  return `${holders} holds it; ${described({ ...first, heldMs: first.waitMs })}${others} for it, and longer`;
}

function described({ pid, app, command, label, heldMs, callSite }: Culprit): string {
  const at = callSite === undefined ? '' : ` at ${callSite}`;
  const doing = label === undefined ? undefined : `"${label}" for ${Math.round(heldMs ?? 0)} ms${at}`;
  const known = [app, doing, command].filter((part) => part !== undefined);
  return `process ${pid} (${known.length === 0 ? 'unknown' : known.join(', ')})`;
}
