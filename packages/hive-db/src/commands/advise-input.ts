import type { AdviseFilter } from '../documents/advise.ts';
import type { ExitCode } from '../exit-code.ts';
import { EXPORT } from '../export-file.ts';
import type { ExportDocument } from '../documents/export.ts';
import type { ExportedProcess } from '../documents/exported-process.ts';
import type { RecordingDocument } from '../documents/recording.ts';
import { say, type Invocation } from '../invocation.ts';
import { RECORDING } from '../recording-file.ts';
import { safe } from '../render/safe-text.ts';
import { readSavedAs } from '../saved-document.ts';
import { refuseStrangerAmong } from '../stranger.ts';
import type { Named } from '../targets.ts';
import { WrongUse } from '../wrong-use.ts';
import { isSame, presentAdvice } from './advise.ts';

/** What size each pool should have had, by documents that were saved: of a process the first and the last export count. */
export async function adviseOnInput(
  invocation: Invocation,
  files: readonly string[],
  filter: AdviseFilter,
): Promise<ExitCode> {
  const saved = files.map((file) => readSavedAs([EXPORT, RECORDING], file, invocation.io.cwd, '--input '));
  const exported = saved.flatMap(({ kind, document }) => (kind === EXPORT ? (document as ExportDocument) : []));
  const recorded = saved.flatMap(({ kind, document }) => (kind === RECORDING ? (document as RecordingDocument) : []));
  if (exported.length === 0)
    throw new WrongUse(
      'a recording does not say how long connections are in use; give an export as well, with another --input',
    );
  const unreachable = exported.flatMap((document) => document.unreachable ?? []);
  for (const { pid, reason } of unreachable) say(invocation, `process ${pid} gave no usable answer: ${safe(reason)}`);
  const processes = exported.flatMap((document) => document.processes);
  if (unreachable.length === 0) await refuseStrangerAmong(filter, processes.map(namesOf));
  const all = processes.toSorted((a, b) => a.uptime_seconds - b.uptime_seconds);
  const recordings = recorded.flatMap(({ processes }) => processes);
  const evidence = Array.from(Map.groupBy(all, identity).values(), (looks) => {
    const now = looks.at(-1) as ExportedProcess;
    const [first] = looks;
    return {
      now,
      earlier: first === now ? undefined : first,
      recording: recordings.find((one) => isSame(one, now)),
      descriptors: null,
    };
  });
  if (evidence.length === 0) say(invocation, 'no process was found when it was exported');
  return presentAdvice(invocation, evidence, filter, unreachable);
}

function namesOf({ app, databases, on_demand: patterns = [] }: ExportedProcess): Named {
  return { app, databases, patterns };
}

function identity({ pid, app, started_at: startedAt }: ExportedProcess): string {
  return JSON.stringify([pid, app, startedAt]);
}
