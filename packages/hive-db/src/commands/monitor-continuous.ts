import { monitorOf, withLocks, type MonitorDocument } from '../documents/monitor.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { announce, inquire, type Inquiry } from '../inquiry.ts';
import type { Io } from '../io.ts';
import type { Invocation } from '../invocation.ts';
import { printLine } from '../render/json.ts';
import { AlternateScreen } from '../render/alternate-screen.ts';
import { watchKnown } from '../sightings.ts';
import { Watch } from '../watch.ts';

/** Shows one document after the other, until its scope ends. */
interface Display extends Disposable {
  show(document: MonitorDocument, inquiry: Inquiry): void;
}

/** Looks again and again until it is interrupted, which is its proper end. */
export async function monitorContinuously(invocation: Invocation, intervalMs: number): Promise<ExitCode> {
  const { io, json } = invocation;
  using display = io.isTTY && !json ? await screenDisplay(invocation, intervalMs) : lineDisplay(invocation);
  using interruption = io.interruption(() => {
    display[Symbol.dispose]();
  });
  const { signal } = interruption;
  const watch = new Watch(() => io.clock.now());
  let earlier: Inquiry | undefined;
  while (!signal.aborted) {
    const inquiry = await unlessAborted(inquire(invocation), signal);
    if (inquiry === undefined) break;
    const locks = watchKnown(inquiry.answered, watch);
    display.show(withLocks(monitorOf(inquiry, earlier), locks, inquiry), inquiry);
    earlier = inquiry;
    await io.clock.wait(intervalMs, signal);
  }
  return EXIT.fine;
}

/** A compact screen beside the user's own, which comes back at the end. */
async function screenDisplay(invocation: Invocation, intervalMs: number): Promise<Display> {
  const { io, paint } = invocation;
  const { monitorScreen } = await import('../render/monitor-screen.ts');
  const screen = new AlternateScreen(io.stdout);
  return {
    show: (document) => {
      screen.draw(monitorScreen(document, { paint, intervalMs, ...sizeOf(io) }));
    },
    [Symbol.dispose]: () => {
      screen.leave();
    },
  };
}

/** One document a line. Who is missing is said when that changes, not every time. */
function lineDisplay(invocation: Invocation): Display {
  let said = '';
  return {
    show: (document, inquiry) => {
      const missing = JSON.stringify([inquiry.answered.length === 0, inquiry.unreachable]);
      if (missing !== said) announce(invocation, inquiry);
      said = missing;
      printLine(invocation.io.stdout, document);
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** The size of the terminal at this moment: it may have been changed since the last look. */
function sizeOf({ columns = 80, rows = 24 }: Io): { readonly width: number; readonly height: number } {
  return { width: columns, height: rows };
}

/** What a promise gives, or undefined as soon as the signal aborts. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const listener = (): void => {
    resolve(undefined);
  };
  signal.addEventListener('abort', listener);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', listener);
  }
}
