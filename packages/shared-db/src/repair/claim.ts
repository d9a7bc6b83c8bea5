import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@hive/pool';
import { makeDirectory } from '../make-directory.ts';
import { looksGone, thisProcess, type ProcessIdentity } from '../presence/process-identity.ts';
import { removeFile } from '../remove-file.ts';
import { parseSocketName, socketName } from '../presence/socket-name.ts';

/** Where claims are made, and what tells who lives. */
export interface ClaimContext {
  readonly clock: Clock;
  readonly random: () => number;
  /** Undefined: nobody else is known, and every claim is granted. */
  readonly runtimeDirectory: string | undefined;
  /** Default: what the system says. */
  readonly self?: ProcessIdentity;
  readonly looksGone?: (identity: ProcessIdentity) => boolean;
}

/**
 * The right to verify one file, which one process has at a time: a small file in the runtime directory. Only advice, and for thrift:
 * where two have it, both verify, and nothing is lost but time. One whose holder has ended is free at once, one that is held for too
 * long (its holder was stopped, or hangs) after that time on the clock of whoever waits.
 */
export class Claim {
  readonly #context: ClaimContext;
  readonly #directory: string | undefined;
  /** Who is asking; found out by who writes it first, because it costs a look into /proc. */
  #self: string | undefined;
  /** What the file says while this one has it: another thing each time, so that nobody takes two claims for one long one. */
  #text: string | undefined;
  #seen: { readonly text: string; readonly since: number } | undefined;

  constructor(context: ClaimContext) {
    const { runtimeDirectory } = context;
    this.#context = context;
    this.#directory = runtimeDirectory === undefined ? undefined : join(runtimeDirectory, 'verifying');
  }

  /** Takes the right, if nobody has it. */
  take(inode: string, limitMs: number): boolean {
    if (this.#directory === undefined) return true;
    const path = pathOf(this.#directory, inode);
    if (this.#write(path)) return true;
    const text = textOf(path);
    if (text !== undefined && this.#isHeld(text, limitMs)) return false;
    removeFile(path);
    // What is nobody's and cannot be removed must not keep the file from being verified.
    return this.#write(path) || textOf(path) === text;
  }

  /** Gives it back; does nothing where somebody else has it by now. */
  release(inode: string): void {
    if (this.#directory === undefined) return;
    const path = pathOf(this.#directory, inode);
    if (this.#text !== undefined && textOf(path) === this.#text) removeFile(path);
    this.#text = undefined;
  }

  #write(path: string): boolean {
    this.#self ??= socketName(this.#context.self ?? thisProcess());
    const text = `${this.#self} ${Math.floor(this.#context.random() * 2 ** 48).toString(36)}\n`;
    try {
      if (this.#directory !== undefined) makeDirectory(this.#directory, 0o700);
      writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
    } catch (error) {
      // Where nothing can be claimed, everybody is alone.
      return !(error instanceof Error && 'code' in error && error.code === 'EEXIST');
    }
    this.#text = text;
    this.#seen = undefined;
    return true;
  }

  /** Whether the one who has it lives, and has not had it for too long. */
  #isHeld(text: string, limitMs: number): boolean {
    const now = this.#context.clock.now();
    if (this.#seen?.text !== text) this.#seen = { text, since: now };
    const holder = parseSocketName(text.split(' ')[0] ?? '');
    const { looksGone: isGone = looksGone } = this.#context;
    return now - this.#seen.since < limitMs && !(holder !== undefined && isGone(holder));
  }
}

function pathOf(directory: string, inode: string): string {
  return join(directory, inode.replace(':', '-'));
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
