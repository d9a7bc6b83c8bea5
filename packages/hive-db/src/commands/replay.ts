import { replayOf, spanOf } from '../documents/replay.ts';
import { moment } from '../documents/process.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { say, type Invocation } from '../invocation.ts';
import { readRecording } from '../recording-file.ts';
import { printLine } from '../render/json.ts';
import { safe, safePath } from '../render/safe-text.ts';
import { timeSpan } from '../time-span.ts';
import { WrongUse } from '../wrong-use.ts';

export interface ReplayRequest {
  readonly file: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Shows a recording that was saved: the worst moments, and what changed at each step. Asks nobody. */
export async function replay(invocation: Invocation, { file, from, to }: ReplayRequest): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const recording = readRecording(file, io.cwd);
  const whole = spanOf(recording);
  const document = replayOf(recording, timeSpan(from, to, whole?.to ?? 0));
  if (whole !== undefined && document.processes.length === 0)
    throw new WrongUse(`${safePath(file)} has no step then; it goes from ${moment(whole.from)} to ${moment(whole.to)}`);
  for (const { pid, reason } of document.unreachable ?? [])
    say(invocation, `process ${pid} gave no usable answer when this was recorded: ${safe(reason)}`);
  if (json) printLine(io.stdout, document);
  else {
    const { replayText } = await import('../render/replay-text.ts');
    for (const text of replayText(document, paint, width)) io.stdout.write(text);
  }
  if (document.processes.length > 0) return EXIT.fine;
  say(invocation, `there is no step in ${safePath(file)}`);
  return (document.unreachable ?? []).length > 0 ? EXIT.undetermined : EXIT.fine;
}
