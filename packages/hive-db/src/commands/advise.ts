import { advise as adviseOn, type ProcessEvidence } from '../analysis/advice.ts';
import { adviseDocument, type AdviseFilter } from '../documents/advise.ts';
import { exportOf } from '../documents/export.ts';
import { recordingOf } from '../documents/recording.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { descriptorLimit } from '../file/descriptor-limit.ts';
import { announce, inquire, inquireRecordings } from '../inquiry.ts';
import { say, type Invocation } from '../invocation.ts';
import { nextCommand } from '../next-command.ts';
import { present } from '../present.ts';
import { safe } from '../render/safe-text.ts';
import { refuseStranger } from '../stranger.ts';

/** What size each pool of this host should have. Looks twice where `intervalMs` is not 0; Ctrl-C ends the pause. */
export async function advise(invocation: Invocation, intervalMs: number, filter: AdviseFilter): Promise<ExitCode> {
  const { io } = invocation;
  const first = await inquire(invocation);
  await refuseStranger(filter, first);
  const isOneLook = intervalMs === 0 || first.answered.length === 0;
  if (!isOneLook) {
    using interruption = io.interruption(nothing);
    await io.clock.wait(intervalMs, interruption.signal);
  }
  const inquiry = isOneLook ? first : await inquire(invocation);
  // Who says how it is and does not know how it was is advised all the same.
  const recordings = inquiry.answered.length === 0 ? [] : recordingOf(await inquireRecordings(invocation)).processes;
  const earlier = isOneLook ? [] : exportOf(first).processes;
  announce(invocation, inquiry);
  const evidence = exportOf(inquiry).processes.map((now) => ({
    now,
    earlier: earlier.find((one) => isSame(one, now)),
    recording: recordings.find((one) => isSame(one, now)),
    descriptors: descriptorLimit(now.pid),
  }));
  return presentAdvice(invocation, evidence, filter, inquiry.unreachable);
}

/** Whether two documents are about one service: not about a later process of that number. */
export function isSame(
  one: { readonly pid: number; readonly app: string; readonly started_at: string | null },
  other: { readonly pid: number; readonly app: string; readonly started_at: string | null },
): boolean {
  return one.pid === other.pid && one.app === other.app && one.started_at === other.started_at;
}

/** Prints what follows from the evidence. `undetermined` where there is none of what was asked for. */
export async function presentAdvice(
  invocation: Invocation,
  evidence: readonly ProcessEvidence[],
  filter: AdviseFilter,
  unreachable: Parameters<typeof adviseDocument>[2],
): Promise<ExitCode> {
  const document = adviseDocument(adviseOn(evidence), filter, unreachable);
  const processes = document.processes.map((process) => ({
    ...process,
    databases: process.databases.map((one) => ({
      ...one,
      size: { ...one.size, command: nextCommand(one.size.command, invocation) },
    })),
  }));
  await present(
    invocation,
    { ...document, processes },
    async () => (await import('../render/advise-text.ts')).adviseText,
  );
  if (document.processes.length === 0) {
    const { app, database } = filter;
    const named = [
      app === undefined ? [] : `app ${safe(app)}`,
      database === undefined ? [] : `database ${safe(database)}`,
    ].flat();
    if (evidence.length > 0) say(invocation, `nothing was seen of ${named.join(' and ')}`);
    return EXIT.undetermined;
  }
  return document.sums.some(({ verdict }) => verdict === 'impossible') ? EXIT.finding : EXIT.fine;
}

function nothing(): void {}
