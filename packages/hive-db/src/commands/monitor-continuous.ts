import { monitorOf, withLocks } from '../documents/monitor.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { announce, inquire, type Inquiry } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { printLine } from '../render/json.ts';
import { watchKnown } from '../sightings.ts';
import { withCommands } from './monitor.ts';
import { Watch } from '../watch.ts';

/**
 * Looks again and again until it is interrupted, which is its proper end: a live view on a terminal, else one document a line. A
 * terminal that cannot place a cursor (`TERM=dumb`) gets lines, too.
 */
export async function monitorContinuously(invocation: Invocation, intervalMs: number): Promise<ExitCode> {
  const { io, json } = invocation;
  if (io.terminal === undefined || json || io.env['TERM'] === 'dumb') return printLines(invocation, intervalMs);
  const [{ monitorLive }, openTerminal] = await Promise.all([import('./monitor-live.ts'), io.terminal()]);
  return monitorLive(invocation, openTerminal, intervalMs);
}

/** One document a line, until it is interrupted. */
async function printLines(invocation: Invocation, intervalMs: number): Promise<ExitCode> {
  using interruption = invocation.io.interruption(() => undefined);
  const { signal } = interruption;
  try {
    await printUntil(signal, invocation, intervalMs);
  } catch (error) {
    if (error !== signal.reason) throw error;
  }
  return EXIT.fine;
}

/** Who is missing is said when that changes, not every time. Rejects with the reason of the signal where that aborts during a look. */
async function printUntil(signal: AbortSignal, invocation: Invocation, intervalMs: number): Promise<void> {
  const { io } = invocation;
  const watch = new Watch(() => io.clock.now());
  let earlier: Inquiry | undefined;
  let said = '';
  while (!signal.aborted) {
    const inquiry = await inquire(invocation, signal);
    const missing = JSON.stringify([inquiry.answered.length === 0, inquiry.unreachable]);
    if (missing !== said) announce(invocation, inquiry);
    said = missing;
    const locks = watchKnown(inquiry.answered, watch);
    printLine(io.stdout, withLocks(withCommands(monitorOf(inquiry, earlier), invocation), locks, inquiry));
    earlier = inquiry;
    await io.clock.wait(intervalMs, signal);
  }
}
