import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../make-directory.ts';
import { removeFile } from '../remove-file.ts';
import { OwnWords } from './own-words.ts';

/** Why somebody left word. */
export interface FenceCause {
  readonly pid: number;
  readonly code: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * Word that processes leave for each other: a file must not be written before it has been verified. Each time that somebody
 * meets an error he leaves a small file, named after the device and the inode of the database, in the runtime directory, in place of the one
 * that he had left before: whoever verifies takes away the words that were there when he began, and none that came later. Where there is no
 * directory, or nothing can be written in it, the word is in the memory of the service: nobody else learns of it, but a database that it
 * closes and opens again is verified first.
 */
export class Fences {
  readonly #directory: string | undefined;
  readonly #random: () => number;
  readonly #own: OwnWords;
  #count = 0;

  constructor(runtimeDirectory: string | undefined, random: () => number, own: OwnWords = new OwnWords()) {
    this.#directory = runtimeDirectory === undefined ? undefined : join(runtimeDirectory, 'fences');
    this.#random = random;
    this.#own = own;
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
    const unplaced = this.#own.unplaced.get(file);
    return unplaced === undefined ? left : [...left, unplaced];
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

  /** Leaves word, and returns whether others can find it: the disk that failed may be this one too. */
  raise(inode: string, why: FenceCause): boolean {
    const file = nameOf(inode);
    const { placed, unplaced } = this.#own;
    const word = `${file}.${why.pid}-${this.#count++}-${Math.floor(this.#random() * 2 ** 48).toString(36)}`;
    const isPlaced = this.#place(word, why);
    if (isPlaced) {
      // A check that began before this error does not take its word away. The ones before say no more than this one.
      this.lower(
        [placed.get(file), unplaced.get(file)].flatMap((one) => (one === undefined || one === word ? [] : one)),
      );
      placed.set(file, word);
    } else unplaced.set(file, word);
    return isPlaced;
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
    const { placed, unplaced } = this.#own;
    for (const word of words) {
      const [file = ''] = word.split('.');
      if (unplaced.get(file) === word) unplaced.delete(file);
      else if (this.#directory !== undefined) removeFile(join(this.#directory, word));
      if (placed.get(file) === word) placed.delete(file);
    }
  }
}

function nameOf(inode: string): string {
  return inode.replace(':', '-');
}
