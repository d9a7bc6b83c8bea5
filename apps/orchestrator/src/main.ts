import { isKind, isMisconfiguration, reloadOnSignal, type DatabaseService } from '@hive/shared-db';
import { CommanderError } from 'commander';
import { pino } from 'pino';
import type { Io, StopRequest } from './io.ts';
import { createProgram } from './program.ts';
import { Refusal } from './refusal.ts';

const NAME = 'hive-orchestrator';
const FAILED = 1;
const WRONG_USE = 2;
const OUR_BUG = 70;

/** Runs one command. Resolves with the exit code: 0 done, 1 failed, 2 wrong use or configuration, 70 our bug. Never rejects. */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  let exitCode = 0;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    if (argv.length === 0) {
      const commands = program.commands.map((command) => command.name()).join(', ');
      throw new Refusal(`a command is missing; there are ${commands}, and ${NAME} --help says more`);
    }
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const [code, text] = endOf(error);
    // A bug is told with its stack. Everything else is one line, whatever a path or a value may hold.
    io.stderr(`${NAME}: ${code === OUR_BUG ? text : text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{FFFD}')}\n`);
    return code;
  }
}

/** The exit code of an error, and what is said about it. */
function endOf(error: unknown): readonly [number, string] {
  if (error instanceof CommanderError) return [WRONG_USE, sentenceOf(error)];
  if (error instanceof Refusal) return [WRONG_USE, error.message];
  if (isMisconfiguration(error)) return [WRONG_USE, error.message];
  if (isKind(error, 'WRONG_USE', 'SQL') || !(error instanceof Error)) return [OUR_BUG, describeBug(error)];
  return error.name === 'DatabaseError' ? [FAILED, error.message] : [OUR_BUG, describeBug(error)];
}

/** Commander's words as one sentence of ours: `unknown option '--prot' (did you mean --port?)`. */
function sentenceOf({ message }: CommanderError): string {
  const sentence = message
    .trim()
    .replace(/^error: /, '')
    .replace('. Expected ', ': expected ')
    .replace(/\s*\n\(Did you mean (.*)\?\)$/, ' (did you mean $1?)');
  return sentence.includes('did you mean') ? sentence : `${sentence.replace(/\.$/, '')}; see --help`;
}

function describeBug(error: unknown): string {
  return `this is a fault of ours: ${error instanceof Error ? error.stack : String(error)}`;
}

function processIo(): Io {
  return {
    env: process.env,
    cwd: process.cwd(),
    pid: process.pid,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    logger: (level, lines) => pino({ level }, lines),
    stopRequest,
    reloadRequests,
  };
}

/** SIGINT, SIGTERM, or the end of the process that started this one with a channel. A second signal finds the default: the end. */
function stopRequest(): StopRequest {
  const controller = new AbortController();
  const requests = ['SIGINT', 'SIGTERM', 'disconnect'] as const;
  const unlisten = (): void => {
    // Who listens for the end of a channel keeps it, and so the process, alive.
    for (const request of requests) process.off(request, stop);
  };
  const stop = (): void => {
    unlisten();
    controller.abort();
  };
  for (const request of requests) process.on(request, stop);
  // Without a channel there is no such property; it is false when the other end was gone before anybody listened.
  if ('connected' in process && !process.connected) stop();
  return { signal: controller.signal, [Symbol.dispose]: unlisten };
}

/** SIGHUP. In a terminal it says that the window was closed, and ends the process as ever. */
function reloadRequests(service: Pick<DatabaseService, 'reload'>): Disposable {
  const isInTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  return isInTerminal ? { [Symbol.dispose]: () => undefined } : reloadOnSignal(service);
}
