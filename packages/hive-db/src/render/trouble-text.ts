import { repairWords } from '@hive/shared-db/health';
import type { RepairDocument } from '../documents/repair.ts';
import type { DatabaseGauges } from '../documents/status.ts';
import { duration } from './figures.ts';
import { safe } from './safe-text.ts';

/** Why a database is not written, since when, and when it is tried next, as a sentence; undefined where nothing of it is to be said. */
export function troubleText({ failure, repair }: Pick<DatabaseGauges, 'failure' | 'repair'>): string | undefined {
  const cause = failure === null ? [] : [`${safe(failure.code)}: ${safe(failure.message)}`];
  const parts = repair === null ? cause : [stopped(repair, cause), safe(tried(repair))];
  return parts.length === 0 ? undefined : parts.join('; ');
}

function stopped({ fenced_seconds: seconds }: RepairDocument, cause: readonly string[]): string {
  return [`writes are refused for ${duration(seconds)}, reads go on`, ...cause].join(': ');
}

function tried({ phase, attempts, next_attempt_seconds: next, found }: RepairDocument): string {
  const nextAttemptMs = next === null ? undefined : next * 1_000;
  return repairWords({ phase, attempts, nextAttemptMs, found: found ?? undefined });
}
