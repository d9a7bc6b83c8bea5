import {
  isKind,
  isMisconfiguration,
  reloadOnSignal,
  systemClock,
  DatabaseError,
  type DatabaseService,
  type Logger,
} from '@hive/shared-db';
import { CommanderError } from 'commander';
import { pino } from 'pino';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Interruption, Io, TextSink } from './io.ts';
import { createProgram } from './program.ts';
import { Refusal } from './study/refusal.ts';
import { WrongUse } from './wrong-use.ts';

/**
 * Runs one command line, without the program's own name, and resolves with the exit code: 0 fine, 1 it could not be done, 2 wrong use
 * or configuration, 70 a bug of ours. Never rejects. Data go to `stdout`, everything else to `stderr`.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: ExitCode = EXIT.fine;
  const program = createProgram(io, (outcome) => {
    code = outcome;
  });
  try {
    if (argv.length === 0) program.error('expected a command: serve, studies, series or components');
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    // It has said everything itself, help included.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.wrongUse;
    const outcome = outcomeOf(error);
    const message = error instanceof Error ? error.message : String(error);
    // A path may hold anything; a sentence is one line.
    const sentence = message.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{FFFD}');
    io.stderr.write(`hive-ecosystemiser: ${outcome === EXIT.bug ? 'this is a bug: ' : ''}${sentence}\n`);
    return outcome;
  }
}

function outcomeOf(error: unknown): ExitCode {
  if (error instanceof WrongUse || error instanceof Refusal || isMisconfiguration(error)) return EXIT.wrongUse;
  return error instanceof DatabaseError && !isKind(error, 'SQL', 'WRONG_USE') ? EXIT.failed : EXIT.bug;
}

/** The world as it is: this process's streams, environment, directory and signals. */
export function systemIo(): Io {
  const { stdout, stderr, env } = process;
  return { stdout, stderr, env, cwd: process.cwd(), clock: systemClock, createLogger, interruption, reloadRequests };
}

function createLogger(lines: TextSink): Logger {
  return pino({ name: 'ecosystemiser' }, { write: (line) => lines.write(line) });
}

/**
 * Interrupted by a signal, and when whoever started this process with a channel to it is gone: nobody is left to end it. The first
 * signal asks; a second one is not listened to any more, and ends the process as usual.
 */
function interruption(): Interruption {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const onSignal = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
    controller.abort();
  };
  const onDisconnect = (): void => {
    controller.abort();
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on('disconnect', onDisconnect);
  // There is no such property without a channel; it is false when the channel was closed while this process came up.
  if ('connected' in process && !process.connected) controller.abort();
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, onSignal);
      process.off('disconnect', onDisconnect);
    },
  };
}

/** SIGHUP. In a terminal it says that the window was closed, and ends the process as ever. */
function reloadRequests(service: Pick<DatabaseService, 'reload'>): Disposable {
  const isInTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  return isInTerminal ? { [Symbol.dispose]: () => undefined } : reloadOnSignal(service);
}
