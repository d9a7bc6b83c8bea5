import { LOG_LEVELS, type Logger, type LogLevel } from './logger.ts';

/** What a pino logger has beside its methods: another one that logs to the same place from a level of its own on. */
interface Parent extends Logger {
  readonly level: string;
  child(bindings: object, options: { readonly level: string }): Logger;
}

/**
 * A logger that logs from a level on that may change. A pino logger gives a child of that level, so that `debug` is to be had where the
 * application itself logs less; of any other, what is below the level is left out.
 */
export class LevelledLog implements Logger {
  readonly #target: Logger;
  #out: Logger;
  #level: LogLevel | undefined;

  constructor(target: Logger) {
    this.#target = this.#out = target;
  }

  /** Undefined is as the logger does by itself. */
  setLevel(level: LogLevel | undefined): void {
    if (level === this.#level) return;
    this.#level = level;
    this.#out = level === undefined ? this.#target : childOf(this.#target, level);
  }

  debug(fields: object, message: string): void {
    if (this.#says('debug')) this.#out.debug(fields, message);
  }

  info(fields: object, message: string): void {
    if (this.#says('info')) this.#out.info(fields, message);
  }

  warn(fields: object, message: string): void {
    if (this.#says('warn')) this.#out.warn(fields, message);
  }

  error(fields: object, message: string): void {
    if (this.#says('error')) this.#out.error(fields, message);
  }

  #says(level: LogLevel): boolean {
    return this.#level === undefined || LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#level);
  }
}

function childOf(target: Logger, level: LogLevel): Logger {
  if (!isParent(target)) return target;
  try {
    return target.child({}, { level });
  } catch {
    // It knows other levels: what it says by itself is left out here.
    return target;
  }
}

function isParent(target: Logger): target is Parent {
  const { level, child } = target as Partial<Parent>;
  return typeof level === 'string' && typeof child === 'function';
}
