import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { preloadedLibrary } from './preloaded-library.ts';

/** Syncs of the logs of other processes, which wait until a test lets them through. Gone when the scope ends. */
export interface GatedSyncs extends Disposable {
  /** What those processes are started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** From now on each sync waits. */
  shut(): void;
  /** One sync goes through, or fails with an I/O error: the one that waits, or the next one. */
  letThrough(): void;
  letFail(): void;
  /** From now on none waits that has not begun. */
  open(): void;
  /** How many have begun since it was shut. */
  readonly begun: number;
}

/** Undefined where no library can be preloaded. */
export function gatedSyncs(): GatedSyncs | undefined {
  const library = preloadedLibrary('gated-syncs');
  if (library === undefined) return undefined;
  const gate = library.file('gate');
  const begun = library.file('gate.begun');
  let fifo: number | undefined;
  const open = (): void => {
    rmSync(gate, { force: true });
    rmSync(begun, { force: true });
    if (fifo !== undefined) closeSync(fifo);
    fifo = undefined;
  };
  const say = (word: string): void => {
    if (fifo === undefined) throw new Error('the gate is open');
    writeSync(fifo, word);
  };
  return {
    environment: { ...library.environment, HIVE_GATE: gate },
    shut: () => {
      execFileSync('mkfifo', [gate]);
      fifo = openSync(gate, 'r+');
    },
    letThrough: () => {
      say('g');
    },
    letFail: () => {
      say('f');
    },
    open,
    get begun() {
      return existsSync(begun) ? statSync(begun).size : 0;
    },
    [Symbol.dispose]: () => {
      open();
      library[Symbol.dispose]();
    },
  };
}
