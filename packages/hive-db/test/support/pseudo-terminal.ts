import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CommandLine } from './program.ts';
import { VirtualScreen } from './virtual-screen.ts';

/** What a terminal does with what is typed. */
export interface Modes {
  /** Hands it on line by line. */
  readonly lines: boolean;
  readonly echo: boolean;
  /** Turns Ctrl-C and Ctrl-Z into signals. */
  readonly signals: boolean;
}

/** What a shell expects to find. */
export const COOKED: Modes = { lines: true, echo: true, signals: true };

/** A command at a terminal, and a person who looks at it and types. Killed when the scope ends. */
export interface PseudoTerminal extends AsyncDisposable {
  readonly screen: VirtualScreen;
  /** Of the command. */
  readonly pid: number;
  type(text: string): void;
  resize(columns: number, rows: number): void;
  /** The terminal goes away, as when its window is closed. */
  hangUp(): void;
  modes(): Promise<Modes>;
  /** Resolves as soon as the screen is as wanted. Rejects where the command ends before. */
  until(wanted: (screen: VirtualScreen) => boolean): Promise<void>;
  /** Resolves with the exit code, or minus the number of a signal, and the modes that the command has left. */
  ended(): Promise<{ readonly code: number; readonly modes: Modes | undefined }>;
}

/** Terminals need Python 3.9 and Linux 5.3. */
export const HAS_TERMINALS = spawnSync('python3', ['-c', 'import os, pty; os.pidfd_open(os.getpid())']).status === 0;

/** Shorter than a test may take, so that one that fails shows the screen. */
const PATIENCE_MS = 15_000;

interface Message {
  readonly pid?: number;
  readonly output?: string;
  readonly modes?: Modes;
  readonly exit?: number;
}

/** Starts a command at a terminal of a size. */
export async function startAtTerminal(
  { command, argv }: CommandLine,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  env: NodeJS.ProcessEnv = {},
): Promise<PseudoTerminal> {
  const driver = spawn(
    'python3',
    [join(import.meta.dirname, 'pseudo-terminal.py'), String(columns), String(rows), command, ...argv],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm-256color', ...env } },
  );
  const screen = new VirtualScreen(columns, rows);
  const started = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<number>();
  const gone = Promise.withResolvers<void>();
  const watchers = new Set<() => void>();
  const askers: ((modes: Modes) => void)[] = [];
  let lastModes: Modes | undefined;
  let failure: unknown;
  // It may have ended before it hears that it should.
  driver.stdin.on('error', () => undefined);
  const tell = (message: object): void => {
    driver.stdin.write(`${JSON.stringify(message)}\n`);
  };
  createInterface(driver.stdout)
    .on('line', (line) => {
      const message = JSON.parse(line) as Message;
      if (message.pid !== undefined) started.resolve(message.pid);
      if (message.exit !== undefined) ended.resolve(message.exit);
      if (message.modes !== undefined) (askers.shift() ?? ((modes) => (lastModes = modes)))(message.modes);
      try {
        if (message.output !== undefined) screen.write(message.output);
      } catch (error) {
        failure ??= error;
      }
      for (const watcher of watchers) watcher();
    })
    .on('close', () => {
      gone.resolve();
    });
  const pid = await started.promise;
  return {
    screen,
    pid,
    type: (text) => {
      tell({ type: text });
    },
    resize: (width, height) => {
      screen.resize(width, height);
      tell({ resize: [width, height] });
    },
    hangUp: () => {
      tell({ hang_up: true });
    },
    modes: () => {
      const { promise, resolve } = Promise.withResolvers<Modes>();
      askers.push(resolve);
      tell({ modes: true });
      return promise;
    },
    until: (wanted) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const watch = (): void => {
        if (failure !== undefined) reject(failure);
        else if (wanted(screen)) resolve();
      };
      watchers.add(watch);
      watch();
      const giveUp = (why: string): void => {
        reject(new Error(`${why}, and the screen was\n${screen.text}`));
      };
      void gone.promise.then(() => {
        giveUp('it ended');
      });
      const deadline = setTimeout(giveUp, PATIENCE_MS, 'nothing came of it');
      return promise.finally(() => {
        clearTimeout(deadline);
        watchers.delete(watch);
      });
    },
    ended: async () => {
      const code = await ended.promise;
      await gone.promise;
      if (failure !== undefined) throw failure;
      return { code, modes: lastModes };
    },
    [Symbol.asyncDispose]: async () => {
      driver.stdin.end();
      await gone.promise;
    },
  };
}
