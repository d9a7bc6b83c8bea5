import type { OpenTerminal } from './terminal.ts';

/** Where text goes. */
export interface TextSink {
  write(text: string): unknown;
}

/** Tells a verb that runs until somebody ends it when to end. Disposing stops listening. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
}

/** Everything of the world outside that a run touches, except files and sockets. A test passes its own. */
export interface Io {
  /** Data, and nothing else. */
  readonly stdout: TextSink;
  /** Messages to people. */
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths are relative to. */
  readonly cwd: string;
  /** Whether standard output is a terminal. */
  readonly isTTY: boolean;
  /** Whether standard error is one, so that somebody sees how far a long run is. Default: no. */
  readonly isMessageTTY?: boolean;
  /** The present width of the terminal; undefined where there is none. */
  readonly columns: number | undefined;
  /** Loads what takes the terminal for a program alone; undefined where standard output is no terminal. */
  readonly terminal: (() => Promise<OpenTerminal>) | undefined;
  readonly clock: {
    /** Milliseconds that only ever grow, from any beginning. */
    now(): number;
    /** Resolves after `delayMs`, and at once when the signal aborts. Never rejects. */
    wait(delayMs: number, signal: AbortSignal): Promise<void>;
  };
  /** Starts to listen for Ctrl-C and the like. `restore` is called when the process ends before the listening was stopped. */
  interruption(restore: () => void): Interruption;
}
