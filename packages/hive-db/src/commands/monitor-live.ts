import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Interruption } from '../io.ts';
import type { Invocation } from '../invocation.ts';
import { frameOf, reachOf } from '../live/frame.ts';
import { decodeKeys, unfinishedKeys, type Key } from '../live/key.ts';
import { takeFileLook, takeLook } from '../live/look.ts';
import { newView, step, type View, type ViewEvent } from '../live/view.ts';
import { FullScreen } from '../render/full-screen.ts';
import { Watch } from '../watch.ts';
import type { OpenTerminal, Terminal, TerminalEvent } from '../terminal.ts';

/** How long the rest of a key's sequence may take over a slow line. */
const KEY_MS = 50;

/** The live view on a terminal of processes, or of the files that are named, until it is quit. Whatever ends it, the terminal is as it was before. */
export async function monitorLive(
  invocation: Invocation,
  paths: readonly string[],
  openTerminal: OpenTerminal,
  intervalMs: number,
): Promise<ExitCode> {
  using live = new LiveView(invocation, paths, openTerminal, intervalMs);
  await live.run();
  return EXIT.fine;
}

/** Joins the pure view with the terminal, the processes and the clock. */
class LiveView implements Disposable {
  readonly #invocation: Invocation;
  /** Files instead of processes, where any are named. */
  readonly #paths: readonly string[];
  readonly #terminal: Terminal;
  readonly #screen: FullScreen;
  readonly #interruption: Interruption;
  readonly #ended = Promise.withResolvers<void>();
  /** Who has not answered by the end is not waited for. */
  readonly #ending = new AbortController();
  #view: View;
  /** What was typed and may be the beginning of a key. */
  #unfinished = '';
  /** Ends the wait for the next look. */
  #waiting = new AbortController();

  constructor(invocation: Invocation, paths: readonly string[], openTerminal: OpenTerminal, intervalMs: number) {
    const { io, paint } = invocation;
    this.#invocation = invocation;
    this.#paths = paths;
    this.#screen = new FullScreen(io.stdout, paint);
    this.#interruption = io.interruption(() => {
      this[Symbol.dispose]();
    });
    this.#interruption.signal.addEventListener('abort', () => {
      this.#end();
    });
    this.#terminal = openTerminal((event) => {
      this.#safely(() => {
        this.#happened(event);
      });
    });
    this.#view = newView(this.#terminal.size, intervalMs, this.#terminal.hasKeys);
  }

  /** Shows the view until it is quit. Rejects with whatever goes wrong meanwhile. */
  async run(): Promise<void> {
    this.#terminal.take();
    // Files are looked at without any waiting.
    if (this.#paths.length === 0) this.#draw();
    await Promise.race([this.#ended.promise, this.#looking()]);
  }

  [Symbol.dispose](): void {
    // In this order whoever sees the own screen again types for the shell.
    this.#terminal[Symbol.dispose]();
    this.#screen.close();
    this.#interruption[Symbol.dispose]();
  }

  #end(): void {
    this.#ended.resolve();
    this.#ending.abort();
    this.#waiting.abort();
  }

  async #looking(): Promise<void> {
    const { io } = this.#invocation;
    const watch = new Watch(() => io.clock.now());
    const { signal } = this.#ending;
    const wallTime = (): number => this.#terminal.wallTime();
    while (!signal.aborted) {
      this.#waiting = new AbortController();
      if (this.#view.pausedAt === undefined) {
        const look =
          this.#paths.length === 0
            ? await takeLook(this.#invocation, this.#view.look, watch, wallTime, signal)
            : takeFileLook(this.#paths, io.cwd, watch, wallTime());
        this.#apply([{ kind: 'look', look }]);
      }
      await io.clock.wait(this.#view.intervalMs, this.#waiting.signal);
    }
  }

  /** What goes wrong in a listener ends the view, not the process. */
  #safely(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  #happened(event: TerminalEvent): void {
    switch (event.kind) {
      case 'typed':
        this.#typed(event.text);
        break;
      case 'resized':
        this.#apply([{ kind: 'resize', size: this.#terminal.size }]);
        break;
      case 'stopping':
        this.#stop('process');
        break;
      case 'continued':
        this.#goOn();
        break;
      case 'hung-up':
        this.#end();
        break;
    }
  }

  #typed(text: string): void {
    const { keys, rest } = decodeKeys(this.#unfinished + text);
    this.#unfinished = rest;
    this.#press(keys);
    if (rest === '') return;
    void this.#invocation.io.clock.wait(KEY_MS, this.#interruption.signal).then(() => {
      if (this.#unfinished !== rest) return;
      this.#unfinished = '';
      this.#safely(() => {
        this.#press(unfinishedKeys(rest));
      });
    });
  }

  #press(keys: readonly Key[]): void {
    const at = this.#terminal.wallTime();
    this.#apply(keys.map((key) => ({ kind: 'key', key, at })));
  }

  /** Takes steps, and draws once. */
  #apply(events: readonly ViewEvent[]): void {
    for (const event of events) {
      const { view, wish } = step(this.#view, event, reachOf);
      this.#view = view;
      switch (wish) {
        case 'quit':
          this.#end();
          return;
        case 'stop':
          this.#stop('job');
          break;
        case 'look':
          this.#waiting.abort();
          break;
        case 'redraw':
          this.#screen.forget();
          break;
        case undefined:
          break;
      }
    }
    this.#draw();
  }

  /** Gives the terminal back, stops, and when it goes on takes the terminal again. */
  #stop(what: 'job' | 'process'): void {
    this.#terminal.release();
    this.#screen.leave();
    this.#terminal.stop(what);
    this.#goOn();
  }

  /** Meanwhile others may have drawn, and the size may have changed. */
  #goOn(): void {
    this.#terminal.take();
    this.#screen.forget();
    this.#apply([{ kind: 'resize', size: this.#terminal.size }]);
  }

  #draw(): void {
    this.#screen.draw(frameOf(this.#view));
  }
}
