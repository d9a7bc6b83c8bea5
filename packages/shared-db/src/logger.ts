/** What the service logs to: a pino logger fits. Only an application makes one. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a logger must have. */
export const LOGGER_METHODS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[];

/** From which level on something is logged; `silent` is nothing at all. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** One of them. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Says nothing. */
export const silentLogger: Logger = Object.freeze({ debug: drop, info: drop, warn: drop, error: drop });

/** What a process has whose parts were given no logger: a warning of the process for what somebody should know, and no more. */
export const processWarnings: Logger = Object.freeze({ debug: drop, info: drop, warn: emit, error: emit });

/** The same logger, except that its own failures are dropped: a full disk behind a log must not make a committed write fail. */
export function unfailing(logger: Logger): Logger {
  const saying = (level: keyof Logger) => (fields: object, message: string) => {
    try {
      logger[level](fields, message);
    } catch {
      // Whom could it be told?
    }
  };
  return Object.freeze({
    debug: saying('debug'),
    info: saying('info'),
    warn: saying('warn'),
    error: saying('error'),
  });
}

function drop(): void {}

function emit(_fields: object, message: string): void {
  process.emitWarning(message, 'DatabaseWarning');
}
