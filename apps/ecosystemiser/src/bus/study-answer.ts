import { publishAsync } from '@hive/hive-bus';
import type { Transaction } from '@hive/shared-db';
import type { StudySummary } from '../study/study-summary.ts';
import type { StudyRequest } from './study-request.ts';

/** Where answers are published. */
const STUDY_FINISHED = 'study.finished';
const STUDY_FAILED = 'study.failed';

type Asker = Pick<StudyRequest, 'taskId' | 'attempt'>;

/** Says, when the transaction commits, that a study is stored. */
export async function publishFinished(tx: Transaction, asker: Asker, summary: StudySummary): Promise<void> {
  const { taskId, attempt } = asker;
  await publishAsync(tx, { topic: STUDY_FINISHED, key: keyOf(asker), payload: { taskId, attempt, summary } });
}

/** Why there is no study. */
export interface StudyFailure {
  /** A sentence for people. */
  readonly error: string;
  /** Whether asking again may help. */
  readonly retryable: boolean;
}

/** Says, when the transaction commits, why a study is not there. */
export async function publishFailed(tx: Transaction, asker: Asker, failure: StudyFailure): Promise<void> {
  const { taskId, attempt } = asker;
  const { error, retryable } = failure;
  await publishAsync(tx, { topic: STUDY_FAILED, key: keyOf(asker), payload: { taskId, attempt, error, retryable } });
}

/** One answer to each attempt: the bus drops a second one of the same topic. */
function keyOf({ taskId, attempt }: Asker): string {
  return `${taskId}:${attempt}`;
}
