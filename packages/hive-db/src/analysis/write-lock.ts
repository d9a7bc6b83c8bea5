import type { DatabaseSnapshot } from '@hive/shared-db';
import { DEFAULT_THRESHOLDS } from '@hive/shared-db/presence';
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
      if (path === undefined || lane.waiting === 0 || lane.oldestWaitMs <= DEFAULT_THRESHOLDS.oldestWaitMs) return [];
      const writers = (holdersOf(path) ?? []).filter(
        ({ holds }) => holds.includes('write') || holds.includes('exclusive'),
      );
      return writers.map((writer) => findingOf(process, database, writer, answered));
    }),
  );
}

function findingOf(
  { pid, snapshot }: Answered,
  { name, lane }: DatabaseSnapshot,
  writer: LockHolder,
  answered: readonly Answered[],
): Finding {
  const known = answered.find((one) => one.pid === writer.pid)?.snapshot.app ?? writer.command ?? 'unknown';
  const holder = writer.pid === pid ? 'the process itself' : `process ${writer.pid} (${known})`;
  return {
    severity: 'warning',
    code: 'write-lock',
    process: { pid, app: snapshot.app },
    database: name,
    file: null,
    evidence: `${count(lane.waiting, 'write waits', 'writes wait')}, the oldest for ${duration(lane.oldestWaitMs / 1_000)}, while ${holder} holds the write lock`,
    advice: 'end what it does there, or wait for it; a transaction should hold the lock for milliseconds',
  };
}
