import { runtimeDirectory } from '@hive/shared-db/presence';
import { basename, parse } from 'node:path';
import { diagnoseFiles, diagnoseProcesses } from '../analysis/diagnosis.ts';
import { worstFirst, type Finding } from '../analysis/finding.ts';
import { runtimeDirectoryFindings } from '../analysis/runtime-directory-findings.ts';
import type { FixDocument, FixStep } from '../documents/fix.ts';
import { EXIT, worstOf, type ExitCode } from '../exit-code.ts';
import { fileOutcome } from '../file-outcome.ts';
import { inspectFile } from '../file/inspect.ts';
import { lockHoldersOf } from '../file/lock-holders.ts';
import { lookAtRuntimeDirectory } from '../file/runtime-directory.ts';
import { databaseFileFix } from '../fixes/database-file-fixes.ts';
import { merged, type Fix } from '../fixes/fix.ts';
import { runtimeDirectoryFix } from '../fixes/runtime-directory-fixes.ts';
import { announceAbsence, inquire } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { withNextCommands } from '../next-command.ts';
import { present } from '../present.ts';
import { WrongUse } from '../wrong-use.ts';

/** What is to be mended, and how far. */
export interface FixRequest {
  /** SQLite files; none means the processes and the directory in which they meet. */
  readonly files: readonly string[];
  /** Show the plan, change nothing. */
  readonly dryRun: boolean;
  /** Names of files or databases with which risky steps may be taken. */
  readonly confirmed: readonly string[];
}

/** What can be mended, and what only somebody else can. */
interface Plan {
  readonly fixes: readonly Fix[];
  readonly advice: readonly Finding[];
  readonly outcome: ExitCode;
}

/**
 * Turns findings into a plan, and carries it out where that is asked for: steps without risk or of low risk, and risky ones that are
 * confirmed. Every step looks afterwards whether it has helped. Wrong use changes nothing.
 */
export async function healthFix(invocation: Invocation, request: FixRequest): Promise<ExitCode> {
  const { fixes, advice, outcome } =
    request.files.length === 0 ? await planForProcesses(invocation) : planForFiles(invocation, request.files);
  if (outcome === EXIT.wrongUse) return outcome;
  checkConfirmed(request, fixes);
  const steps: FixStep[] = [];
  for (const fix of fixes) steps.push(await take(fix, request));
  const document: FixDocument = {
    schema: 'hive-db/fix/v1',
    dry_run: request.dryRun,
    steps,
    advice: withNextCommands(advice, invocation),
  };
  await present(invocation, document, async () => (await import('../render/fix-text.ts')).fixText);
  return worstOf([outcome, steps.every((step) => step.outcome === 'done') ? EXIT.fine : EXIT.finding]);
}

async function take(fix: Fix, { dryRun, confirmed }: FixRequest): Promise<FixStep> {
  const { id, risk, findings, path, does, verification } = fix;
  const words = wordsFor(path);
  const confirm = risk === 'high' ? (words[0] ?? path) : null;
  const step = { id, risk, findings: findings.map(({ code }) => code), path, does, verification, confirm };
  if (dryRun) return { ...step, outcome: 'planned', detail: null };
  if (risk === 'high' && !confirmed.some((word) => words.includes(word)))
    return { ...step, outcome: 'skipped', detail: null };
  const detail = await fix.run();
  return { ...step, outcome: detail === undefined ? 'done' : 'failed', detail: detail ?? null };
}

async function planForProcesses(invocation: Invocation): Promise<Plan> {
  const directory = await lookAtRuntimeDirectory(runtimeDirectory(invocation.runtimeDirectory));
  const ofDirectory = runtimeDirectoryFindings(directory);
  const fixes = ofDirectory.flatMap((finding) => (directory && runtimeDirectoryFix(finding, directory)) ?? []);
  // Nobody is asked through a directory in which others may have put their sockets.
  if (directory !== undefined && directory.wrongMode !== null) return { fixes, advice: [], outcome: EXIT.fine };
  const inquiry = await inquire(invocation);
  announceAbsence(invocation, inquiry);
  return { fixes, advice: diagnoseProcesses(inquiry, (path) => lockHoldersOf(path, 'wal')), outcome: EXIT.fine };
}

function planForFiles(invocation: Invocation, paths: readonly string[]): Plan {
  const { cwd } = invocation.io;
  const context = { cwd, runtimeDirectory: invocation.runtimeDirectory };
  const fixes: Fix[] = [];
  const advice: Finding[] = [];
  const codes = paths.map((path) => {
    const file = inspectFile(path, cwd);
    for (const finding of diagnoseFiles([file])) {
      const fix = file.state === 'database' ? databaseFileFix(finding, file, context) : undefined;
      if (fix === undefined) advice.push(finding);
      else if (typeof fix === 'string')
        advice.push({ ...finding, advice: `${finding.advice} (not mended now: ${fix})`, command: null });
      else fixes.push(fix);
    }
    return fileOutcome(invocation, file);
  });
  // What only looks comes last: a log that was left is then where it belongs.
  const inOrder = merged(fixes).toSorted((a, b) => Number(a.risk === 'none') - Number(b.risk === 'none'));
  return { fixes: inOrder, advice: worstFirst(advice), outcome: worstOf(codes) };
}

/** A word that confirms nothing was meant for something else. */
function checkConfirmed({ confirmed, files }: FixRequest, fixes: readonly Fix[]): void {
  const known = new Set([...fixes.map(({ path }) => path), ...files].flatMap((path) => wordsFor(path)));
  const unknown = confirmed.find((word) => !known.has(word));
  if (unknown === undefined) return;
  throw new WrongUse(
    `--confirm ${unknown === '' ? '""' : unknown} names nothing that is looked at; nothing was changed`,
  );
}

/** How a person may name a file: by its name, the name without its ending (as databases are called), or its path. */
function wordsFor(path: string): readonly string[] {
  return [basename(path), parse(path).name, path];
}
