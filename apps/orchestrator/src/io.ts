import type { Logger } from '@hive/shared-db';
import type { Environment } from './config.ts';

/** The world of one run of the command: what it reads, where it writes, what tells it to stop. */
export interface Io {
  readonly env: Environment;
  readonly cwd: string;
  readonly pid: number;
  /** Data for a person or a program. */
  readonly stdout: (text: string) => void;
  /** Messages. */
  readonly stderr: (text: string) => void;
  /** The log, from a level on. */
  readonly logger: (level: string) => Logger;
  /** Aborts when the process is asked to stop. From the first call on, asking is all that happens; asking again ends it at once. */
  readonly stopSignal: () => AbortSignal;
}
