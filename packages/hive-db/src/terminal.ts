import { systemClock } from '@hive/shared-db/presence';
import type { ReadStream, WriteStream } from 'node:tty';
import type { Size } from './live/view.ts';

/** What happens at a terminal. */
export type TerminalEvent =
  | { readonly kind: 'typed'; readonly text: string }
  | { readonly kind: 'resized' }
  /** Somebody wants the process to stop (SIGTSTP): it has not yet. */
  | { readonly kind: 'stopping' }
  /** It goes on after it was stopped (SIGCONT): meanwhile others have used the terminal. */
  | { readonly kind: 'continued' }
  /** Nothing will be typed any more. */
  | { readonly kind: 'hung-up' };

/** A terminal that a program has for itself. Disposing gives it back. */
export interface Terminal extends Disposable {
  /** In cells. When it changes, that is an event. */
  readonly size: Size;
  /** Whether keys come from it: not where standard input is something else. */
  readonly hasKeys: boolean;
  /** Milliseconds since 1970. */
  wallTime(): number;
  /** Takes every key as it is pressed, Ctrl-C included, and looks how large the terminal is. Doing it again does no harm. */
  take(): void;
  /** Gives the keys back: lines, echo, Ctrl-C. */
  release(): void;
  /** Stops as Ctrl-Z does, the whole job or this process alone, and returns when it goes on. What was taken must be released before. */
  stop(what: 'job' | 'process'): void;
}

/** Used where a terminal does not know its size. */
const USUAL_SIZE: Size = { columns: 80, rows: 24 };
/** More than any screen has. A terminal may claim anything, and each of its cells is drawn. */
const LARGEST_SIZE: Size = { columns: 1_000, rows: 500 };

/** Gives a program a terminal for itself, whose events go to `listener` until it is disposed. */
export type OpenTerminal = (listener: (event: TerminalEvent) => void) => Terminal;

/** The terminal of this process. */
export const openSystemTerminal: OpenTerminal = (listener) =>
  new SystemTerminal(process.stdin, process.stdout, listener);

class SystemTerminal implements Terminal {
  readonly hasKeys: boolean;
  readonly #stdin: ReadStream;
  readonly #stdout: WriteStream;
  readonly #stopping: () => void;
  readonly #listening = new DisposableStack();

  constructor(stdin: ReadStream, stdout: WriteStream, listener: (event: TerminalEvent) => void) {
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.hasKeys = stdin.isTTY;
    const telling = (kind: Exclude<TerminalEvent['kind'], 'typed'>) => (): void => {
      listener({ kind });
    };
    this.#stopping = telling('stopping');
    this.#listen(process, 'SIGTSTP', this.#stopping);
    this.#listen(process, 'SIGCONT', telling('continued'));
    this.#listen(stdout, 'resize', telling('resized'));
    if (!this.hasKeys) return;
    this.#listen(stdin, 'end', telling('hung-up'));
    // A terminal that has gone away cannot be read, nor be given back: this is listened to until the end.
    stdin.on('error', telling('hung-up'));
    stdin.setEncoding('utf8');
    this.#listen(stdin, 'data', (text: string) => {
      listener({ kind: 'typed', text });
    });
  }

  get size(): Size {
    const { columns, rows } = this.#stdout;
    // A terminal that was never told its size says 0.
    return {
      columns: Math.min(columns || USUAL_SIZE.columns, LARGEST_SIZE.columns),
      rows: Math.min(rows || USUAL_SIZE.rows, LARGEST_SIZE.rows),
    };
  }

  wallTime(): number {
    return systemClock.wallTime();
  }

  take(): void {
    if (this.#listening.disposed) return;
    if (this.hasKeys) this.#stdin.setRawMode(true);
    // The size may have changed while the process was stopped, and then nobody told it: the stream looks when it is told.
    process.kill(process.pid, 'SIGWINCH');
  }

  release(): void {
    if (this.hasKeys) this.#stdin.setRawMode(false);
  }

  stop(what: 'job' | 'process'): void {
    // Without a listener the signal does what it does to every program.
    process.off('SIGTSTP', this.#stopping);
    process.kill(what === 'job' ? 0 : process.pid, 'SIGTSTP');
    process.on('SIGTSTP', this.#stopping);
  }

  [Symbol.dispose](): void {
    if (this.#listening.disposed) return;
    this.#listening.dispose();
    this.release();
    // Nothing is read any more: what is typed from now on is for the shell.
    if (this.hasKeys) this.#stdin.pause();
  }

  #listen<T>(emitter: NodeJS.EventEmitter, name: string, listener: (value: T) => void): void {
    emitter.on(name, listener);
    this.#listening.defer(() => {
      emitter.off(name, listener);
    });
  }
}
