import { causeOf, type Cause } from '../analysis/cause.ts';
import { acquaintancesOf, type Sighting } from '../documents/holder.ts';
import { databaseLocks, type DatabaseLocksDocument } from '../documents/locks.ts';
import { monitorOf, monitorOfFiles, type MonitorDocument } from '../documents/monitor.ts';
import { inquire, type Answered, type Inquiry } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { watchKnown, watchNamed, type NamedView } from '../sightings.ts';
import type { Watch } from '../watch.ts';

/** What sections about processes say where files are looked at instead. */
export const ASKED_NOBODY = 'files were named: no process is asked';

/** Everything that the live view is told at one moment. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly inquiry: Inquiry;
  readonly monitor: MonitorDocument;
  /** Null where the system does not tell who has locks. */
  readonly files: readonly FileLook[] | null;
}

/** One database file that a process has open or that was named, who is on it, and why somebody waits for it. */
export interface FileLook {
  readonly locks: DatabaseLocksDocument;
  readonly cause: Cause;
}

/**
 * Looks at every process, and at the files that they have open; rates are those since the earlier look, and the watch knows since when
 * locks have been seen. Rejects as `inquire` does.
 */
export async function takeLook(
  invocation: Pick<Invocation, 'runtimeDirectory' | 'timeoutMs'>,
  earlier: Look | undefined,
  watch: Watch,
  wallTime: () => number,
  signal: AbortSignal,
): Promise<Look> {
  const inquiry = await inquire(invocation, signal);
  const sightings = watchKnown(inquiry.answered, watch);
  return lookOf(wallTime(), inquiry, sightings, earlier);
}

/** Looks at files that are named and asks no process; the watch knows since when locks have been seen. `at`: milliseconds since 1970. */
export function takeFileLook(paths: readonly string[], cwd: string, watch: Watch, at: number): Look {
  return lookOfFiles(at, watchNamed(paths, cwd, watch));
}

/** Joins what was seen of files. Pure. */
export function lookOfFiles(at: number, { reports, sightings }: NamedView): Look {
  return {
    at,
    inquiry: { directory: '', answered: [], unreachable: [] },
    monitor: monitorOfFiles(reports),
    files: sightings && sightings.map((sighting) => fileLook(sighting, [])),
  };
}

/** Joins what was seen. Pure. */
export function lookOf(
  at: number,
  inquiry: Inquiry,
  sightings: readonly Sighting[] | null,
  earlier: Look | undefined,
): Look {
  return {
    at,
    inquiry,
    monitor: monitorOf(inquiry, earlier?.inquiry),
    files: sightings && sightings.map((sighting) => fileLook(sighting, inquiry.answered)),
  };
}

function fileLook(sighting: Sighting, answered: readonly Answered[]): FileLook {
  const locks = databaseLocks(sighting, answered);
  return { locks, cause: causeOf(locks, acquaintancesOf(sighting, answered)) };
}
