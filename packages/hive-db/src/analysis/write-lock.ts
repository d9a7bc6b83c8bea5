import type { DatabaseSnapshot } from '@hive/shared-db';
import type { LockHolder } from '../file/file-report.ts';
import type { Answered } from '../inquiry.ts';
import { count, duration } from '../render/figures.ts';
import type { Finding } from './finding.ts';

/**
 * Who holds the write locks that somebody waits for: one finding for each file and waiting process. `holdersOf` looks at a path;
 * everything else is pure.
 */
export function writeLockFindings(
  answered: readonly Answered[],
  holdersOf: (path: string) => readonly LockHolder[] | null,
): readonly Finding[] {
  return answered.flatMap((process) =>
    process.snapshot.databases.flatMap((database) => {
      const { path, lane } = database;
      if (path === undefined || lane.waiting === 0 || lane.oldestWaitMs <= process.snapshot.thresholds.oldestWaitMs)
        return [];
      const writers = (holdersOf(path) ?? []).filter(
        ({ holds }) => holds.includes('write') || holds.includes('exclusive'),
      );
      return writers.map((writer) => findingOf(process, database, writer, answered));
    }),
  );
}

function findingOf(
  { pid, snapshot }: Answered,
  { name, path, lane }: DatabaseSnapshot,
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
    evidence: `${count(lane.waiting, 'write waits', 'writes wait')}, the oldest for ${duration(lane.oldestWaitMs / 1_000)}, while ${holder} holds the write lock${work}`,
    advice: 'end what it does there, or wait for it; a transaction should hold the lock for milliseconds',
  };
}
