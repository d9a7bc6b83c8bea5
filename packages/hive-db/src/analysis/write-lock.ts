import type { DatabaseSnapshot } from '@hive/shared-db';
import type { LockHolder } from '../file/file-report.ts';
import type { Answered } from '../inquiry.ts';
import { count, duration } from '../render/figures.ts';
import { shellWord } from '../shell-word.ts';
import type { Finding } from './finding.ts';
import { systemCommand } from './remedy.ts';

/**
 * Who holds the write locks that somebody waits for too long: one finding for each file and waiting process. `holdersOf` looks at a path;
 * everything else is pure.
 */
export function writeLockFindings(
  answered: readonly Answered[],
  holdersOf: (path: string) => readonly LockHolder[] | null,
): readonly Finding[] {
  return answered.flatMap((process) =>
    process.snapshot.databases.flatMap((database) => {
      const { path } = database;
      const wait = waitOf(database);
      if (path === undefined || wait.oldestMs <= process.snapshot.thresholds.oldestWaitMs) return [];
      const writers = (holdersOf(path) ?? []).filter(
        ({ holds }) => holds.includes('write') || holds.includes('exclusive'),
      );
      return writers.map((writer) => findingOf(process, database, wait, writer, answered));
    }),
  );
}

/** How many writes of a process wait, and for how long the first of them. */
interface Wait {
  readonly writes: number;
  readonly oldestMs: number;
}

/** Those in the queue, and whoever is first and has not got the lock of the database. */
function waitOf({ lane }: DatabaseSnapshot): Wait {
  const { waiting, oldestWaitMs, writer } = lane;
  return writer === undefined || writer.lockedMs !== undefined
    ? { writes: waiting, oldestMs: oldestWaitMs }
    : { writes: waiting + 1, oldestMs: Math.max(oldestWaitMs, writer.heldMs) };
}

function findingOf(
  { pid, snapshot }: Answered,
  { name, path }: DatabaseSnapshot,
  { writes, oldestMs }: Wait,
  writer: LockHolder,
  answered: readonly Answered[],
): Finding {
  const holding = answered.find((one) => one.pid === writer.pid)?.snapshot;
  const known = holding?.app ?? writer.command ?? 'unknown';
  const holder = writer.pid === pid ? 'the process itself' : `process ${writer.pid} (${known})`;
  const running = holding?.databases.find((database) => database.path === path)?.lane.writer;
  const work = running === undefined ? '' : ` for "${running.label}", ${duration(running.heldMs / 1_000)} so far`;
  return {
    severity: 'warning',
    code: 'write-lock',
    process: { pid, app: snapshot.app },
    database: name,
    file: null,
    evidence: `${count(writes, 'write waits', 'writes wait')}, the oldest for ${duration(oldestMs / 1_000)}, while ${holder} holds the write lock${work}`,
    advice: 'end what it does there, or wait for it; a transaction should hold the lock for milliseconds',
    command: holding === undefined ? systemCommand(writer.pid) : `hive-db locks ${shellWord(name)}`,
  };
}
