import { isRecord, jsonExcess } from '@hive/shared-db/presence';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { size } from './render/figures.ts';
import { safe, safePath } from './render/safe-text.ts';
import { WrongUse } from './wrong-use.ts';

const MEBIBYTE = 1024 ** 2;

/** One kind of document that a verb saves and another one reads again. */
export interface SavedKind {
  /** Its contract: `hive-db/export/v1`. */
  readonly schema: string;
  /** As a person calls it: `an export`. */
  readonly noun: string;
  /** The command that makes one. */
  readonly maker: string;
  /** None is ever larger; a larger file is not read. */
  readonly mostMebibytes: number;
  /** Where a document first leaves its contract, as a sentence of our own words; undefined where it keeps it. */
  readonly misfit: (document: unknown) => string | undefined;
}

/**
 * Reads a document that this program has saved. Throws `WrongUse` for anything else, in one sentence that begins with `named`: the file
 * may be from anywhere. Never waits for somebody to write to a pipe.
 */
export function readSaved(kind: SavedKind, file: string, cwd: string, named = ''): unknown {
  return readSavedAs([kind], file, cwd, named).document;
}

/** A document, and which of the kinds that were expected it is. */
export interface Saved {
  readonly kind: SavedKind;
  readonly document: unknown;
}

/** Reads a document of one of several kinds. Throws as `readSaved` does. */
export function readSavedAs(kinds: readonly [SavedKind, ...SavedKind[]], file: string, cwd: string, named = ''): Saved {
  const nouns = kinds.map(({ noun }) => noun).join(' or ');
  const makers = kinds.map(({ maker }) => maker).join(' or ');
  const mostMebibytes = Math.max(...kinds.map((kind) => kind.mostMebibytes));
  const refuse = (what: string): never => {
    throw new WrongUse(`${named}${safePath(file) || '""'} ${what}`);
  };
  if (file === '' || file.includes('\0')) return refuse('is no name that a file can have');
  const document = parsed(bytesOf(resolve(cwd, file), nouns, mostMebibytes, refuse), refuse);
  const schema = schemaOf(document);
  if (schema === undefined) return refuse(`is not ${nouns}; ${makers} makes one`);
  const kind = kinds.find((one) => one.schema === schema);
  if (kind === undefined)
    return refuse(`is ${safe(schema, 80)}; expected ${kinds.map((one) => one.schema).join(' or ')}`);
  const fault = kind.misfit(document);
  return fault === undefined ? { kind, document } : refuse(`does not keep its contract: ${fault}`);
}

function bytesOf(path: string, noun: string, mostMebibytes: number, refuse: (what: string) => never): Uint8Array {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) return refuse(stats.isDirectory() ? 'is a directory' : 'is not a regular file');
      const most = mostMebibytes * MEBIBYTE;
      if (stats.size > most) return refuse(`has ${size(stats.size)}; ${noun} has ${size(most)} at most`);
      const bytes = readUpTo(descriptor, most);
      // It grows, or it is one of those of the system that have no size and no end.
      return bytes ?? refuse(`goes on behind ${size(most)}, which is the most that ${noun} has`);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof WrongUse) throw error;
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return refuse(code === 'ENOENT' ? 'does not exist' : `cannot be read: ${code}`);
  }
}

/** All that a file holds; undefined where that is more than `most` bytes. */
function readUpTo(descriptor: number, most: number): Uint8Array | undefined {
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length <= most) {
    const chunk = new Uint8Array(MEBIBYTE);
    const read = readSync(descriptor, chunk);
    if (read === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, read));
    length += read;
  }
  return undefined;
}

function parsed(bytes: Uint8Array, refuse: (what: string) => never): unknown {
  const excess = jsonExcess(bytes);
  if (excess !== undefined) return refuse(excess);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refuse(bytes[0] === 0x7b ? 'is not JSON, or was cut off' : 'is not JSON');
  }
}

function schemaOf(document: unknown): string | undefined {
  const schema = isRecord(document) ? document['schema'] : undefined;
  return typeof schema === 'string' && schema.startsWith('hive-db/') ? schema : undefined;
}
