import { statusOfExport } from '../documents/status.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { readExportFile } from '../export-file.ts';
import { say, type Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import { safe } from '../render/safe-text.ts';

/** Where processes and their databases stood when an export was made. */
export async function statusOfInput(invocation: Invocation, file: string): Promise<ExitCode> {
  const { io } = invocation;
  const document = statusOfExport(readExportFile(file, io.cwd));
  const { processes, unreachable = [] } = document;
  if (processes.length + unreachable.length === 0) say(invocation, 'no process was found when it was exported');
  for (const { pid, reason } of unreachable) say(invocation, `process ${pid} gave no usable answer: ${safe(reason)}`);
  await present(invocation, document, async () => (await import('../render/status-text.ts')).statusText);
  return EXIT.fine;
}
