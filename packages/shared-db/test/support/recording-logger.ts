import type { Logger } from '@hive/shared-db';

/** One line of a log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps what it is told. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[];
  /** The messages of one level, in order. */
  said(level: LogLine['level']): readonly string[];
  /** The warnings about sessions; a machine that is busy may have others, of slow statements. */
  blames(): readonly LogLine[];
}

export function recordingLogger(): RecordingLogger {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine['level']) =>
    (fields: object, message: string): void => {
      lines.push({ level, message, fields: { ...fields } });
    };
  return {
    lines,
    said: (level) => lines.filter((line) => line.level === level).map(({ message }) => message),
    blames: () => lines.filter(({ level, message }) => level === 'warn' && message.startsWith('session ')),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
