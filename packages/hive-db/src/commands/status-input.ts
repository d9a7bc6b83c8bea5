import { statusOfExport } from '../documents/status.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { readExportFile } from '../export-file.ts';
import { say, type Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import { safe, safePath } from '../render/safe-text.ts';

/** Where processes and their databases stood, or what files were, when an export was made. */
export async function statusOfInput(invocation: Invocation, file: string): Promise<ExitCode> {
  const { io } = invocation;
  const document = statusOfExport(readExportFile(file, io.cwd));
  const { processes, files, unreachable = [] } = document;
  if (files === undefined && processes.length + unreachable.length === 0)
    say(invocation, 'no process was found when it was exported');
  for (const { pid, reason } of unreachable) say(invocation, `process ${pid} gave no usable answer: ${safe(reason)}`);
  for (const file of files ?? [])
    if (file.state !== 'database') say(invocation, `${safePath(file.path)} was ${file.state}: ${safe(file.reason)}`);
  await present(invocation, document, async () => (await import('../render/status-text.ts')).statusText);
  return EXIT.fine;
}
