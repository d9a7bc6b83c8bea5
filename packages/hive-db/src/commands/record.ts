import { recordingOf } from '../documents/recording.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquireRecordings, outcomeOf } from '../inquiry.ts';
import { say, type Invocation } from '../invocation.ts';
import { checkedOutput, writeOutput, type OutputKind } from '../output-file.ts';
import { count } from '../render/figures.ts';
import { encode, printLine } from '../render/json.ts';
import { safePath } from '../render/safe-text.ts';

const RECORDING: OutputKind = { name: 'recording', beginning: '{"schema":"hive-db/recording/' };
const STANDARD_OUTPUT = '-';

/**
 * What all processes have recorded of themselves over the last minutes as one document, to a file or standard output. A file appears
 * complete or not at all, and only this user may read it. An earlier recording is replaced, but not by one of nobody; any other file
 * is refused.
 */
export async function record(invocation: Invocation, output: string): Promise<ExitCode> {
  const { io } = invocation;
  const target = output === STANDARD_OUTPUT ? undefined : checkedOutput(output, io.cwd, RECORDING);
  const inquiry = await inquireRecordings(invocation);
  const document = recordingOf(inquiry);
  announce(invocation, inquiry);
  // On one line: a value a line would make a file of some hundred thousand lines.
  if (target === undefined) printLine(io.stdout, document);
  else if (document.processes.length === 0) say(invocation, `nothing to save; ${safePath(target)} is as it was`);
  else {
    writeOutput(target, `${encode(document)}\n`);
    const saved = count(document.processes.length, 'process', 'processes');
    say(invocation, `the recordings of ${saved} saved to ${safePath(target)}; hive-db replay shows them`);
  }
  return outcomeOf(inquiry);
}
