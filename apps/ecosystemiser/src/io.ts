import type { Clock, DatabaseService, Logger } from '@hive/shared-db';

/** Where text goes. */
export interface TextSink {
  write(text: string): unknown;
}

/** Tells a command that runs until somebody ends it when to end. Disposing stops listening. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
}

/** Everything of the world outside that a run touches, except files and databases. A test passes its own. */
export interface Io {
  /** Data, and nothing else. */
  readonly stdout: TextSink;
  /** Messages to people, and the log. */
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths are relative to. */
  readonly cwd: string;
  readonly clock: Clock;
  /** Makes the log: one JSON object a line. */
  createLogger(lines: TextSink): Logger;
  /** Starts to listen for Ctrl-C and the like. */
  interruption(): Interruption;
  /** Has the service read its settings again whenever the process is asked to, until that is disposed of. */
  reloadRequests(service: Pick<DatabaseService, 'reload'>): Disposable;
}
