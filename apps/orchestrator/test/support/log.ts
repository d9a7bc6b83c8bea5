import type { Logger } from '@hive/shared-db';

/** A logger that remembers, with the level in front of each message. */
export interface Log extends Logger {
  readonly lines: string[];
}

export function rememberingLog(): Log {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (_fields: object, message: string): void =>
      void lines.push(`${level}: ${message}`);
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
