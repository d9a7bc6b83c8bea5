import type { DatabaseService, Logger } from '@hive/shared-db';
import type { Environment } from './config.ts';

/** Where the lines of a log go. */
export interface LogLines {
  write(line: string): void;
}

/** Aborts its signal when the process is asked to stop; being asked again then ends it at once. Disposing stops listening. */
export interface StopRequest extends Disposable {
  readonly signal: AbortSignal;
}

/** The world of one run of the command: what it reads, where it writes, what tells it to stop. */
export interface Io {
  readonly env: Environment;
  readonly cwd: string;
  readonly pid: number;
  /** Data for a person or a program. */
  readonly stdout: (text: string) => void;
  /** Messages. */
  readonly stderr: (text: string) => void;
  /** Makes a log, one JSON object a line, from a level on. */
  readonly logger: (level: string, lines: LogLines) => Logger;
  /** Begins to listen for being asked to stop. */
  readonly stopRequest: () => StopRequest;
  /** Has the service read its settings again whenever the process is asked to, until that is disposed of. */
  readonly reloadRequests: (service: Pick<DatabaseService, 'reload'>) => Disposable;
}
