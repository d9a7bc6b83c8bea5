import type { Command } from 'commander';
import type { ExitCode } from '../exit-code.ts';
import type { Invocation } from '../invocation.ts';

/** Does what a verb is for; the exit code is the run's. */
export type Act = (invocation: Invocation) => Promise<ExitCode>;

/** Calls an act with the options that all verbs share. Only for an action of commander's: before that they are not read yet. */
export type Run = (act: Act) => Promise<void>;

/**
 * Gives a verb its place on the command line: its name, its sentence of help, its options, its examples. What it does lies in
 * `commands/` and is loaded when it is called, so that starting costs only what is used.
 */
export type AddVerb = (program: Command, run: Run) => void;
