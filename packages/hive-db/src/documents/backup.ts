import type { CopyFailure, CopyFault, CopyReport } from '@hive/shared-db/direct';

/** What became of a copy, and what it holds. */
interface CopyDocument {
  readonly source: string;
  readonly target: string;
  readonly outcome: 'done' | 'failed';
  /** Why there is no copy; null where there is one. */
  readonly fault: CopyFault | null;
  readonly reason: string | null;
  readonly size_bytes: number | null;
  /** What was verified: in the copy as in the source. Empty where there is no copy. */
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly sha256: string }[];
  readonly elapsed_seconds: number;
}

/** `backup --json`, hive-db/backup/v1. */
export interface BackupDocument extends CopyDocument {
  readonly schema: 'hive-db/backup/v1';
  /** Whether an earlier backup of that name is gone. */
  readonly replaced: boolean;
}

/** `restore --json`, hive-db/restore/v1. */
export interface RestoreDocument extends CopyDocument {
  readonly schema: 'hive-db/restore/v1';
  /** Where the files are now that lay there before. */
  readonly kept: readonly string[];
}

export function copyDocument(
  source: string,
  target: string,
  copied: CopyReport | CopyFailure,
  elapsedSeconds: number,
): CopyDocument {
  const failure = 'fault' in copied ? copied : undefined;
  const report = 'fault' in copied ? undefined : copied;
  return {
    source,
    target,
    outcome: failure === undefined ? 'done' : 'failed',
    fault: failure?.fault ?? null,
    reason: failure?.reason ?? null,
    size_bytes: report?.bytes ?? null,
    tables: report?.tables ?? [],
    elapsed_seconds: elapsedSeconds,
  };
}
