import { systemClock } from '@hive/shared-db/presence';
import { exportOf, exportOfFiles, type ExportDocument } from '../documents/export.ts';
import { EXIT, worstOf, type ExitCode } from '../exit-code.ts';
import { fileOutcome } from '../file-outcome.ts';
import { inspectFile } from '../file/inspect.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import { say, type Invocation } from '../invocation.ts';
import { checkedOutput, writeOutput, type OutputKind } from '../output-file.ts';
import { count } from '../render/figures.ts';
import { encode, printDocument } from '../render/json.ts';
import { safePath } from '../render/safe-text.ts';

const EXPORT: OutputKind = { name: 'export', beginning: '{\n  "schema": "hive-db/export/' };
const STANDARD_OUTPUT = '-';

/**
 * Everything that all processes know of themselves, or that the named files tell, as one document, to a file or standard output. The file appears complete or not at
 * all, and only this user may read it: it holds labels and paths. An earlier export is replaced; any other file is refused.
 */
export async function exportAll(invocation: Invocation, paths: readonly string[], output: string): Promise<ExitCode> {
  const { io } = invocation;
  const target = output === STANDARD_OUTPUT ? undefined : checkedOutput(output, io.cwd, EXPORT);
  const { document, what, outcome } = paths.length === 0 ? await ofProcesses(invocation) : ofFiles(invocation, paths);
  if (target === undefined) printDocument(io.stdout, document);
  // A slip in the name of a file costs no earlier export.
  else if (outcome !== EXIT.wrongUse) {
    writeOutput(target, `${encode(document, 2)}\n`);
    say(invocation, `${what} exported to ${safePath(target)}`);
  }
  return outcome;
}

interface Exported {
  readonly document: ExportDocument;
  /** How much it is, in words. */
  readonly what: string;
  readonly outcome: ExitCode;
}

async function ofProcesses(invocation: Invocation): Promise<Exported> {
  const inquiry = await inquire(invocation);
  announce(invocation, inquiry);
  const what = count(inquiry.answered.length, 'process', 'processes');
  return { document: exportOf(inquiry), what, outcome: outcomeOf(inquiry) };
}

function ofFiles(invocation: Invocation, paths: readonly string[]): Exported {
  const files = paths.map((path) => inspectFile(path, invocation.io.cwd));
  const codes = files.map((file) => fileOutcome(invocation, file));
  const document = exportOfFiles(files, systemClock.wallTime());
  return { document, what: count(files.length, 'file'), outcome: worstOf(codes) };
}
