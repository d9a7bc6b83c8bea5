import type { Logger } from '@hive/shared-db';

/** One line of a log. */
export interface Heard {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that remembers what it heard. */
export function listeningLogger(): { readonly logger: Logger; readonly heard: Heard[] } {
  const heard: Heard[] = [];
  const at =
    (level: Heard['level']) =>
    (fields: object, message: string): void => {
      heard.push({ level, message, fields: { ...fields } });
    };
  return { logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, heard };
}
