import type { DatabaseSnapshot, ServiceSnapshot, WriterSnapshot } from '../snapshot.ts';

/** Who writes to a database, since when, and where in its source that was begun. */
export interface PresentWriter extends WriterSnapshot {
  /** Undefined where that was not remembered. */
  readonly callSite: string | undefined;
}

/**
 * Who writes to a database now, in a process that has its lock, as the system says. While the main thread is stuck a snapshot is as it
 * was before: who had the lock then most likely still has, because letting go takes the thread; where nobody had it, what keeps the thread
 * has got it since. Pure.
 */
export function presentWriter(
  { eventLoop: { blockedMs, label }, labels }: ServiceSnapshot,
  { lane: { writer }, leases }: DatabaseSnapshot,
): PresentWriter | undefined {
  const siteOf = (wanted: string): string | undefined => labels.find((one) => one.label === wanted)?.callSite;
  if (writer?.lockedMs === undefined && blockedMs > 0 && label !== undefined)
    return { label, heldMs: blockedMs, lockedMs: undefined, changedMs: undefined, callSite: siteOf(label) };
  if (writer === undefined) return undefined;
  const later = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms + blockedMs);
  return {
    label: writer.label,
    heldMs: writer.heldMs + blockedMs,
    lockedMs: later(writer.lockedMs),
    changedMs: later(writer.changedMs),
    callSite: leases.find(({ use }) => use === 'write')?.acquiredAt ?? siteOf(writer.label),
  };
}
