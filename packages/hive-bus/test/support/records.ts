import type { Logger } from '@hive/shared-db';

export interface Record {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

/** A logger that keeps what it is told. */
export class Records implements Logger {
  readonly all: Record[] = [];

  debug(fields: object, message: string): void {
    this.all.push({ level: 'debug', fields, message });
  }
  info(fields: object, message: string): void {
    this.all.push({ level: 'info', fields, message });
  }
  warn(fields: object, message: string): void {
    this.all.push({ level: 'warn', fields, message });
  }
  error(fields: object, message: string): void {
    this.all.push({ level: 'error', fields, message });
  }

  /** What was said in a voice at least this loud. */
  of(...levels: readonly Record['level'][]): readonly Record[] {
    return this.all.filter(({ level }) => levels.includes(level));
  }
}
