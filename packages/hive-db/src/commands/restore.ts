import { systemClock } from '@hive/shared-db/presence';
import type { CopyFailure, CopyReport } from '@hive/shared-db/direct';
import { realpathSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { partialIn, removePartial } from '../backups/partial-copy.ts';
import { likeOwner, publishNew, syncDirectory, syncFile } from '../backups/publishing.ts';
import { setAside } from '../backups/setting-aside.ts';
import { checkedTarget, type Target } from '../backups/target.ts';
import { usersOf } from '../backups/users.ts';
import { copy, outcomeOfCopy, unwritable } from '../copying.ts';
import { databasesNamed } from '../databases.ts';
import { copyDocument, type RestoreDocument } from '../documents/backup.ts';
import type { ExitCode } from '../exit-code.ts';
import { fileOutcome } from '../file-outcome.ts';
import { inspectFile } from '../file/inspect.ts';
import { inquire, type Inquiry } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import { safePath } from '../render/safe-text.ts';
import { WrongUse } from '../wrong-use.ts';
import type { CopyRequest } from './backup.ts';

/**
 * Puts a backup where services open it. The backup is copied and the copy verified before anything else changes; what lay there is kept
 * under another name, with its log. Refused while anybody has the database open.
 */
export async function restore(invocation: Invocation, request: CopyRequest): Promise<ExitCode> {
  const { io } = invocation;
  const startedAt = io.clock.now();
  const file = inspectFile(request.source, io.cwd);
  if (file.state !== 'database') return fileOutcome(invocation, file);
  const inquiry = await inquire(invocation);
  const [database] = databasesNamed([request.source], [], io.cwd);
  const source = realpathSync(database?.path ?? request.source);
  const target = checkedTarget(pathOf(request.target, inquiry), io.cwd, source, request.replace);
  assertUnused(target, inquiry);
  const partial = partialIn(dirname(target.path));
  const copied = await copy(invocation, { source, copy: partial, journal: 'wal' }, request.deadlineMs);
  const restored = 'fault' in copied ? copied : putInPlace(copied, partial, source, target, inquiry);
  const document: RestoreDocument = {
    schema: 'hive-db/restore/v1',
    ...copyDocument(source, target.path, restored, (io.clock.now() - startedAt) / 1_000),
    kept: 'kept' in restored ? restored.kept : [],
  };
  await present(invocation, document, async () => (await import('../render/backup-text.ts')).backupText);
  return outcomeOfCopy(restored);
}

/** Whoever writes the name of an open database means its file, and no new one that is called so. */
function pathOf(word: string, { answered }: Inquiry): string {
  const names = answered.flatMap(({ snapshot }) => snapshot.databases).filter(({ name }) => name === word);
  return names.find(({ path }) => path !== undefined)?.path ?? word;
}

function assertUnused({ path, existing }: Target, { answered }: Inquiry): void {
  if (existing === undefined) return;
  const users = usersOf(path, answered);
  const refuse = (what: string): never => {
    throw new WrongUse(`${safePath(path)} ${what}`);
  };
  if (users === null)
    refuse('may be in use: who has it open is known on Linux only; move it away and restore to a free name');
  else if (users.length > 0) refuse(`is open in ${users.join(', ')}; stop that first`);
}

/** Nothing of it happens, or all of it. Says where the old files are. */
function putInPlace(
  report: CopyReport,
  partial: string,
  source: string,
  target: Target,
  inquiry: Inquiry,
): (CopyReport & { readonly kept: readonly string[] }) | CopyFailure {
  const { path, existing } = target;
  try {
    likeOwner(partial, existing ?? statSync(source));
    syncFile(partial);
    if (existing === undefined) publishNew(partial, path);
    const kept = existing === undefined ? [] : exchange(partial, target, inquiry);
    return { ...report, kept };
  } catch (error) {
    removePartial(partial);
    if (error instanceof WrongUse) throw error;
    return unwritable(path, error);
  }
}

function exchange(partial: string, target: Target, inquiry: Inquiry): readonly string[] {
  const { path } = target;
  const { kept, undo } = setAside(path, new Date(systemClock.wallTime()));
  try {
    // Whoever opened it before it had two names has it now.
    assertUnused(target, inquiry);
    renameSync(partial, path);
  } catch (error) {
    undo();
    throw error;
  }
  // The new file is there from here on: the log of the old one must not come back.
  syncDirectory(dirname(path));
  return kept;
}
