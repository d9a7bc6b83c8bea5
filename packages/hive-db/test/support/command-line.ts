import { main } from '../../dist/main.js';
import type { Io } from '../../dist/io.js';
import type { OpenTerminal } from '../../dist/terminal.js';

export interface Circumstances {
  readonly env?: Io['env'];
  readonly cwd?: string;
  /** Undefined: standard output is no terminal. */
  readonly terminal?: { readonly columns: number; readonly rows: number };
  /** The terminal for a verb that wants it for itself. Undefined: standard output is none. */
  readonly openTerminal?: OpenTerminal;
  /** Whether standard error is a terminal. Default: no. */
  readonly isMessageTTY?: boolean;
  readonly clock?: Io['clock'];
  readonly interruption?: Io['interruption'];
  readonly stdout?: Io['stdout'];
}

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A busy machine is no reason to fail: processes get far longer to answer than they take. */
const PATIENCE = ['--timeout', '20s'];

/** Runs one command line in this process, and returns what it said and how it ended. */
export async function run(argv: readonly string[], circumstances: Circumstances = {}): Promise<Outcome> {
  const { env = {}, cwd = '/', terminal, openTerminal, stdout, isMessageTTY = false } = circumstances;
  const { clock = hastening(), interruption = never } = circumstances;
  const said = { out: '', err: '' };
  const code = await main([...PATIENCE, ...argv], {
    stdout: stdout ?? { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    env,
    cwd,
    isTTY: terminal !== undefined,
    isMessageTTY,
    columns: terminal?.columns,
    terminal: openTerminal && (() => Promise.resolve(openTerminal)),
    clock,
    interruption,
  });
  return { code, ...said };
}

/** Time that passes only while somebody waits for it, and then at once. */
function hastening(): Io['clock'] {
  let now = 0;
  return {
    now: () => now,
    wait: (delayMs) => {
      now += delayMs;
      return Promise.resolve();
    },
  };
}
const never: Io['interruption'] = () => {
  throw new Error('this verb ends by itself');
};
