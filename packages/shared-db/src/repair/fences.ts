import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../make-directory.ts';
import { removeFile } from '../remove-file.ts';

/** Names of words that are nowhere but here. */
type Words = Set<string>;

const OF_THIS_PROCESS: Words = new Set();

/** Why somebody left word. */
export interface FenceCause {
  readonly pid: number;
  readonly code: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * Word that processes leave for each other: a file must not be written before it has been verified. One small file for each time
 * that somebody met an error, named after the device and the inode of the database, in the runtime directory: whoever verifies takes
 * away the words that were there when he began, and none that came later. Where there is no directory, or nothing can be written in it, a
 * word is in the memory of this process: nobody else learns of it, but a database that is closed and opened again here is verified first.
 */
export class Fences {
  readonly #directory: string | undefined;
  readonly #random: () => number;
  readonly #memory: Words;
  #words = 0;

  constructor(runtimeDirectory: string | undefined, random: () => number, memory: Words = OF_THIS_PROCESS) {
    this.#directory = runtimeDirectory === undefined ? undefined : join(runtimeDirectory, 'fences');
    this.#random = random;
    this.#memory = memory;
  }

  /** Whether there is a place where words are left. One that somebody has removed says nothing. */
  get arePlaced(): boolean {
    return this.#names() !== undefined;
  }

  isUp(inode: string): boolean {
    return this.words(inode).length > 0;
  }

  /** The names of all words about a file. */
  words(inode: string): readonly string[] {
    const file = nameOf(inode);
    const left = this.#names()?.filter((name) => name === file || name.startsWith(`${file}.`)) ?? [];
    return this.#memory.size === 0
      ? left
      : [...left, ...[...this.#memory].filter((word) => word.startsWith(`${file}.`))];
  }

  #names(): readonly string[] | undefined {
    // Most have none: an error costs ten times what asking does, and it is asked ten times a second.
    if (this.#directory === undefined || !existsSync(this.#directory)) return undefined;
    try {
      return readdirSync(this.#directory);
    } catch {
      return undefined;
    }
  }

  /** Leaves word, and returns its name and whether others can find it: the disk that failed may be this one too. */
  raise(inode: string, why: FenceCause): { readonly word: string; readonly isPlaced: boolean } {
    const word = `${nameOf(inode)}.${why.pid}-${this.#words++}-${Math.floor(this.#random() * 2 ** 48).toString(36)}`;
    const isPlaced = this.#place(word, why);
    if (!isPlaced) this.#memory.add(word);
    return { word, isPlaced };
  }

  /** That it cannot be done must not hide why it had to be. */
  #place(word: string, why: FenceCause): boolean {
    if (this.#directory === undefined) return false;
    try {
      makeDirectory(this.#directory, 0o700);
      writeFileSync(join(this.#directory, word), `${JSON.stringify(why)}\n`, { mode: 0o600 });
      return true;
    } catch {
      return false;
    }
  }

  /** Takes words away. Those that cannot be stay, and with them the fence; those that somebody else has taken away are gone, too. */
  lower(words: readonly string[]): void {
    for (const word of words)
      if (!this.#memory.delete(word) && this.#directory !== undefined) removeFile(join(this.#directory, word));
  }
}

function nameOf(inode: string): string {
  return inode.replace(':', '-');
}
