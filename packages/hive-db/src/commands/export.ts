import { exportOf } from '../documents/export.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import { say, type Invocation } from '../invocation.ts';
import { checkedOutput, writeOutput, type OutputKind } from '../output-file.ts';
import { count } from '../render/figures.ts';
import { encode, printDocument } from '../render/json.ts';
import { safePath } from '../render/safe-text.ts';

const EXPORT: OutputKind = { name: 'export', beginning: '{\n  "schema": "hive-db/export/' };
const STANDARD_OUTPUT = '-';

/**
 * Everything that all processes know of themselves as one document, to a file or standard output. The file appears complete or not at
 * all, and only this user may read it: it holds labels and paths. An earlier export is replaced; any other file is refused.
 */
export async function exportSnapshots(invocation: Invocation, output: string): Promise<ExitCode> {
  const { io } = invocation;
  const target = output === STANDARD_OUTPUT ? undefined : checkedOutput(output, io.cwd, EXPORT);
  const inquiry = await inquire(invocation);
  const document = exportOf(inquiry);
  announce(invocation, inquiry);
  if (target === undefined) printDocument(io.stdout, document);
  else {
    writeOutput(target, `${encode(document, 2)}\n`);
    say(invocation, `${count(document.processes.length, 'process', 'processes')} exported to ${safePath(target)}`);
  }
  return outcomeOf(inquiry);
}
