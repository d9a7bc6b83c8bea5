import { dirname } from 'node:path';
import type { DiskEvent } from './disk-events.ts';

/**
 * What reaches a disk, when the power goes, of what was not synced: nothing, everything, what came first up to some moment, any of the
 * changes, any of their sectors. In the last two, names that were not synced are each as they were at any moment since they were.
 */
export const LOSSES = ['nothing', 'everything', 'the first', 'any changes', 'any sectors'] as const;
export type Loss = (typeof LOSSES)[number];

/** Which syncs a disk takes no notice of, to see that somebody would notice. */
export type Deafness = 'none' | 'files' | 'directories';

/** The files as they are found after the power has come back, by name. */
export type DiskImage = ReadonlyMap<string, Buffer>;

/** What a disk writes at once or not at all. */
const SECTOR_BYTES = 512;
const DIRECTORY = Symbol('directory');
const GONE = Symbol('gone');

type Entry = FileOnDisk | typeof DIRECTORY | typeof GONE;
type DiskSync = Extract<DiskEvent, { readonly sync: number }>;
type Change = Extract<DiskEvent, { readonly kind: 'write' | 'cut' }>;

interface Numbered<T> {
  readonly number: number;
  readonly what: T;
}

interface FileOnDisk {
  synced: Buffer;
  pending: Numbered<Change>[];
}

interface Renaming {
  readonly name: string;
  readonly entry: Entry;
}

/** What a disk is sure to have, and what it may have. A sync covers what was done before it began, from when it has ended. */
export class LossyDisk {
  readonly #deafTo: Deafness;
  readonly #files = new Map<number, FileOnDisk>();
  readonly #names = new Map<string, Entry>();
  #renamings: Numbered<Renaming>[] = [];
  /** At which number each sync that has begun did. */
  readonly #syncs = new Map<number, number>();
  #number = 0;

  constructor(deafTo: Deafness = 'none') {
    this.#deafTo = deafTo;
  }

  apply(event: DiskEvent): void {
    this.#number++;
    switch (event.kind) {
      case 'write':
      case 'cut':
        this.#fileOf(event.inode).pending.push({ number: this.#number, what: event });
        return;
      case 'create':
        // The number of a file that has gone is used again.
        this.#files.set(event.inode, { synced: Buffer.alloc(0), pending: [] });
        this.#rename(event.name, this.#fileOf(event.inode));
        return;
      case 'link':
        this.#rename(event.name, this.#fileOf(event.inode));
        return;
      case 'directory':
        this.#rename(event.name, DIRECTORY);
        return;
      case 'remove':
        this.#rename(event.name, GONE);
        return;
      case 'sync begins':
        this.#syncs.set(event.sync, this.#number);
        return;
      case 'sync ends':
        this.#synced(event, this.#syncs.get(event.sync) ?? 0);
        return;
      case 'mark':
    }
  }

  /** What may be found if the power goes now. `random` gives numbers from 0 to 1. */
  image(loss: Loss, random: () => number): DiskImage {
    const [until, likely] = [random() * this.#number, random()];
    const reached = ({ number }: Numbered<unknown>): boolean => {
      if (loss === 'nothing' || loss === 'everything') return loss === 'everything';
      return loss === 'the first' ? number <= until : random() < likely;
    };
    const image = new Map<string, Buffer>();
    const names = this.#namesAfter(reached);
    for (const [name, entry] of names)
      if (typeof entry !== 'symbol' && isReachable(name, names))
        image.set(name, contentOf(entry, loss === 'any sectors' ? () => random() < likely : reached, loss));
    return image;
  }

  #fileOf(inode: number): FileOnDisk {
    let file = this.#files.get(inode);
    if (file === undefined) this.#files.set(inode, (file = { synced: Buffer.alloc(0), pending: [] }));
    return file;
  }

  #rename(name: string, entry: Entry): void {
    this.#renamings.push({ number: this.#number, what: { name, entry } });
  }

  #synced({ inode, name: directory }: DiskSync, begun: number): void {
    if (directory === undefined) {
      if (this.#deafTo === 'files') return;
      const file = this.#fileOf(inode);
      for (const { number, what } of file.pending) if (number < begun) file.synced = changed(file.synced, what);
      file.pending = file.pending.filter(({ number }) => number > begun);
    } else if (this.#deafTo !== 'directories') {
      const covered = ({ number, what }: Numbered<Renaming>): boolean =>
        number < begun && dirname(what.name) === directory;
      for (const { what } of this.#renamings.filter(covered)) this.#names.set(what.name, what.entry);
      this.#renamings = this.#renamings.filter((renaming) => !covered(renaming));
    }
  }

  #namesAfter(reached: (renaming: Numbered<Renaming>) => boolean): ReadonlyMap<string, Entry> {
    const names = new Map(this.#names);
    for (const renaming of this.#renamings) if (reached(renaming)) names.set(renaming.what.name, renaming.what.entry);
    return names;
  }
}

function isReachable(name: string, names: ReadonlyMap<string, Entry>): boolean {
  const parent = dirname(name);
  return parent === '.' || (names.get(parent) === DIRECTORY && isReachable(parent, names));
}

function contentOf(file: FileOnDisk, reached: (change: Numbered<Change>) => boolean, loss: Loss): Buffer {
  let content: Buffer = Buffer.from(file.synced);
  for (const { number, what } of file.pending)
    for (const part of loss === 'any sectors' ? sectorsOf(what) : [what])
      if (reached({ number, what: part })) content = changed(content, part);
  return content;
}

function changed(content: Buffer, change: Change): Buffer {
  if (change.kind === 'cut')
    return change.size <= content.length ? content.subarray(0, change.size) : Buffer.concat([content], change.size);
  const end = change.at + change.data.length;
  const larger = end <= content.length ? content : Buffer.concat([content], end);
  change.data.copy(larger, change.at);
  return larger;
}

function sectorsOf(change: Change): readonly Change[] {
  if (change.kind === 'cut') return [change];
  const parts: Change[] = [];
  for (let from = 0; from < change.data.length;) {
    const at = change.at + from;
    const to = Math.min(change.data.length, from + SECTOR_BYTES - (at % SECTOR_BYTES));
    parts.push({ ...change, at, data: change.data.subarray(from, to) });
    from = to;
  }
  return parts;
}
