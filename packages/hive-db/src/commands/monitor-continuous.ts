import { monitorOf, monitorOfFiles, withLocks, type MonitorDocument } from '../documents/monitor.ts';
import { EXIT, worstOf, type ExitCode } from '../exit-code.ts';
import { fileOutcome } from '../file-outcome.ts';
import { inspectFile } from '../file/inspect.ts';
import { announce, inquire, type Inquiry } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { printLine } from '../render/json.ts';
import { watchKnown, watchNamed } from '../sightings.ts';
import { withCommands } from './monitor.ts';
import { Watch } from '../watch.ts';

/**
 * Looks again and again until it is interrupted, which is its proper end: a live view on a terminal, else one document a line. A
 * terminal that cannot place a cursor (`TERM=dumb`) gets lines, too. It does not begin where something is named that is no database or
 * cannot be read: what is wrong with that is said at once, not in the middle of a stream.
 */
export async function monitorContinuously(
  invocation: Invocation,
  paths: readonly string[],
  intervalMs: number,
): Promise<ExitCode> {
  const { io, json } = invocation;
  const hindrance = hindranceOf(invocation, paths);
  if (hindrance !== EXIT.fine) return hindrance;
  if (io.terminal === undefined || json || io.env['TERM'] === 'dumb') return printLines(invocation, paths, intervalMs);
  const [{ monitorLive }, openTerminal] = await Promise.all([import('./monitor-live.ts'), io.terminal()]);
  return monitorLive(invocation, paths, openTerminal, intervalMs);
}

/** What is found in a file is no hindrance: somebody may want to see it mended. */
function hindranceOf(invocation: Invocation, paths: readonly string[]): ExitCode {
  const named = paths.map((path) => inspectFile(path, invocation.io.cwd));
  const hindrances = named.filter(({ state }) => state !== 'database' && state !== 'empty' && state !== 'damaged');
  return worstOf(hindrances.map((file) => fileOutcome(invocation, file)));
}

/** One document a line, until it is interrupted. */
async function printLines(invocation: Invocation, paths: readonly string[], intervalMs: number): Promise<ExitCode> {
  using interruption = invocation.io.interruption(() => undefined);
  const { signal } = interruption;
  const look = paths.length === 0 ? lookAtProcesses(invocation, signal) : lookAtFiles(invocation, paths);
  try {
    while (!signal.aborted) {
      printLine(invocation.io.stdout, withCommands(await look(), invocation));
      await invocation.io.clock.wait(intervalMs, signal);
    }
  } catch (error) {
    if (error !== signal.reason) throw error;
  }
  return EXIT.fine;
}

type LookAgain = () => MonitorDocument | Promise<MonitorDocument>;

/** Who is missing is said when that changes, not every time. Rejects with the reason of the signal where that aborts during a look. */
function lookAtProcesses(invocation: Invocation, signal: AbortSignal): LookAgain {
  const watch = watchOf(invocation);
  let earlier: Inquiry | undefined;
  let said = '';
  return async () => {
    const inquiry = await inquire(invocation, signal);
    const missing = JSON.stringify([inquiry.answered.length === 0, inquiry.unreachable]);
    if (missing !== said) announce(invocation, inquiry);
    said = missing;
    const document = withLocks(monitorOf(inquiry, earlier), watchKnown(inquiry.answered, watch), inquiry);
    earlier = inquiry;
    return document;
  };
}

/** What is wrong with a file is said when that changes. */
function lookAtFiles(invocation: Invocation, paths: readonly string[]): LookAgain {
  const watch = watchOf(invocation);
  const said = new Map<string, string>();
  return () => {
    const { reports, sightings } = watchNamed(paths, invocation.io.cwd, watch);
    for (const file of reports) {
      if (said.get(file.path) !== file.state) fileOutcome(invocation, file);
      said.set(file.path, file.state);
    }
    return withLocks(monitorOfFiles(reports), sightings, { answered: [] });
  };
}

function watchOf({ io }: Invocation): Watch {
  return new Watch(() => io.clock.now());
}
