import { systemClock } from '@hive/shared-db/presence';
import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { partialIn, removePartial } from '../backups/partial-copy.ts';
import { likeOwner, publishNew, publishOver } from '../backups/publishing.ts';
import { setAside } from '../backups/setting-aside.ts';
import { checkedTarget, type Target } from '../backups/target.ts';
import { usersOf } from '../backups/users.ts';
import { copy, outcomeOfCopy } from '../copying.ts';
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
  const kept = 'fault' in copied ? [] : putInPlace(partial, source, target, inquiry);
  const document: RestoreDocument = {
    schema: 'hive-db/restore/v1',
    ...copyDocument(source, target.path, copied, (io.clock.now() - startedAt) / 1_000),
    kept,
  };
  await present(invocation, document, async () => (await import('../render/backup-text.ts')).backupText);
  return outcomeOfCopy(copied);
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

/** Nothing of it happens, or all of it. Returns where the old files are. */
function putInPlace(partial: string, source: string, target: Target, inquiry: Inquiry): readonly string[] {
  const { path, existing } = target;
  try {
    likeOwner(partial, existing ?? statSync(source));
    if (existing === undefined) {
      publishNew(partial, path);
      return [];
    }
    const aside = setAside(path, new Date(systemClock.wallTime()));
    try {
      // Whoever opened it before it had two names has it now.
      assertUnused(target, inquiry);
      publishOver(partial, path);
    } catch (error) {
      aside.undo();
      throw error;
    }
    return aside.kept;
  } catch (error) {
    removePartial(partial);
    if (error instanceof WrongUse) throw error;
    throw new WrongUse(
      `${safePath(path)} cannot be replaced: ${(error as NodeJS.ErrnoException).code ?? String(error)}; it is as it was`,
    );
  }
}
