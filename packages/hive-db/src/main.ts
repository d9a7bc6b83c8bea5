import { CommanderError } from 'commander';
import { setTimeout as timeout } from 'node:timers/promises';
import { EXIT } from './exit-code.ts';
import type { Interruption, Io } from './io.ts';
import { createProgram } from './program.ts';
import { isDatabaseError } from './database-error.ts';
import { safe } from './render/safe-text.ts';
import { WrongUse } from './wrong-use.ts';

/** Sentences of refusal say what to change, paths included, and are shown whole. */
const LONGEST_SENTENCE = 2_000;

/**
 * Runs one command line, without the program's own name, and resolves with the exit code: 0 passes or warns, 1 fails or found
 * something, 2 wrong use or configuration, 3 could not be determined, 70 a bug of ours. Never rejects. Data go to `stdout`, everything
 * else to `stderr`.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.fine;
  const program = createProgram(io, (outcome) => {
    code = outcome;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    // It has said everything itself, help and version included.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.wrongUse;
    if (error instanceof WrongUse || isDatabaseError(error)) {
      io.stderr.write(`hive-db: ${safe(error.message, LONGEST_SENTENCE)}\n`);
      return EXIT.wrongUse;
    }
    io.stderr.write(bugReport(error, program.opts()['debug'] === true));
    return EXIT.bug;
  }
}

/** The world as it is: this process's streams, environment, directory and signals. */
export function systemIo(): Io {
  const { stdout, stderr, env } = process;
  return {
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    isTTY: stdout.isTTY,
    isMessageTTY: process.stderr.isTTY,
    // A terminal that was never told its size says 0.
    get columns() {
      return (stdout.isTTY && stdout.columns) || undefined;
    },
    terminal: stdout.isTTY ? async () => (await import('./terminal.ts')).openSystemTerminal : undefined,
    clock: { now: () => process.uptime() * 1_000, wait },
    interruption,
  };
}

async function wait(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await timeout(delayMs, undefined, { signal });
  } catch {
    // Aborted, which is as good as over.
  }
}

function interruption(restore: () => void): Interruption {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
  const end = (): void => {
    // Listened to once: a second Ctrl-C ends the process at once, as usual.
    controller.abort();
  };
  for (const signal of signals) process.once(signal, end);
  // A reader that has gone away wants no more documents.
  process.stdout.once('error', end);
  process.once('exit', restore);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, end);
      process.stdout.off('error', end);
      process.off('exit', restore);
    },
  };
}

function bugReport(error: unknown, debug: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  if (debug && error instanceof Error) return `${error.stack ?? message}\n`;
  return `hive-db: this is a bug of hive-db: ${safe(message)}; --debug shows where\n`;
}
