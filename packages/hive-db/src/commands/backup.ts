import type { CopyFailure, CopyReport } from '@hive/shared-db/direct';
import { renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { partialIn, removePartial } from '../backups/partial-copy.ts';
import { likeOwner, publishNew, syncDirectory, syncFile } from '../backups/publishing.ts';
import { checkedTarget, checkNothingBeside, type Target } from '../backups/target.ts';
import { usersOf } from '../backups/users.ts';
import { copy, outcomeOfCopy, unwritable } from '../copying.ts';
import { databasesNamed, isUnheardOf } from '../databases.ts';
import { copyDocument, type BackupDocument } from '../documents/backup.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { fileOutcome } from '../file-outcome.ts';
import { inspectFile } from '../file/inspect.ts';
import { announce, inquire, type Inquiry } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import { safePath } from '../render/safe-text.ts';
import { orName } from '../sightings.ts';
import { WrongUse } from '../wrong-use.ts';

export interface CopyRequest {
  readonly source: string;
  readonly target: string;
  readonly replace: boolean;
  readonly deadlineMs: number;
}

/**
 * Copies a database that may be in use to a file that can be kept: one moment of it, complete, verified by its content, under its name
 * only then. An earlier backup is replaced where that is asked for.
 */
export async function backup(invocation: Invocation, request: CopyRequest): Promise<ExitCode> {
  const { io } = invocation;
  const startedAt = io.clock.now();
  const inquiry = await inquire(invocation);
  const source = await sourceOf(invocation, request.source, inquiry);
  if (typeof source === 'number') return source;
  const target = checkedTarget(request.target, io.cwd, source, request.replace);
  if (target.existing !== undefined) assertReplaceable(target, inquiry, io.cwd);
  const partial = partialIn(dirname(target.path));
  const copied = await copy(invocation, { source, copy: partial, journal: 'delete' }, request.deadlineMs);
  const made = 'fault' in copied ? copied : published(copied, partial, source, target);
  const document: BackupDocument = {
    schema: 'hive-db/backup/v1',
    ...copyDocument(source, target.path, made, (io.clock.now() - startedAt) / 1_000),
    replaced: !('fault' in made) && target.existing !== undefined,
  };
  await present(invocation, document, async () => (await import('../render/backup-text.ts')).backupText);
  return outcomeOfCopy(made);
}

/** The one file that is meant, where it is a database; else the exit code for what it is, which has been said. */
async function sourceOf(invocation: Invocation, word: string, inquiry: Inquiry): Promise<string | ExitCode> {
  const [database, ...others] = databasesNamed([word], inquiry.answered, invocation.io.cwd);
  if (database === undefined || others.length > 0) {
    const paths = [database, ...others].flatMap((one) => (one === undefined ? [] : safePath(one.path)));
    throw new WrongUse(`${safePath(word)} is the name of several databases: ${paths.join(', ')}; name a file`);
  }
  if (isUnheardOf(database, inquiry)) {
    announce(invocation, inquiry);
    return EXIT.undetermined;
  }
  const file = inspectFile(database.path, invocation.io.cwd);
  if (file.state !== 'database') return fileOutcome(invocation, await orName(file, inquiry.answered));
  if (file.network_file_system !== null)
    throw new WrongUse(`${safePath(word)} is on ${file.network_file_system}, where the locks of SQLite do not hold`);
  return database.path;
}

/** A slip must not cost a file that is no backup. */
function assertReplaceable({ path }: Target, { answered }: Inquiry, cwd: string): void {
  const refuse = (what: string): never => {
    throw new WrongUse(`${safePath(path)} ${what}`);
  };
  if (inspectFile(path, cwd).state !== 'database') refuse('is no database, so it is not replaced; name a new file');
  const users = usersOf(path, answered);
  if (users !== null && users.length > 0) refuse(`is open in ${users.join(', ')}, so it is not replaced`);
  checkNothingBeside(path, refuse);
}

/** Gives the copy its name. What the disk says against that is a failure of the backup. */
function published(
  report: CopyReport,
  partial: string,
  source: string,
  { path, existing }: Target,
): CopyReport | CopyFailure {
  try {
    likeOwner(partial, statSync(source));
    syncFile(partial);
    if (existing === undefined) publishNew(partial, path);
    else {
      renameSync(partial, path);
      syncDirectory(dirname(path));
    }
    return report;
  } catch (error) {
    removePartial(partial);
    return unwritable(path, error);
  }
}
