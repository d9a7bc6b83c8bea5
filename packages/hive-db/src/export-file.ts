import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { misfitWith } from './documents/contract.ts';
import type { ExportDocument } from './documents/export.ts';
import { size } from './render/figures.ts';
import { safe } from './render/safe-text.ts';
import { WrongUse } from './wrong-use.ts';

/** A process with its labels and leases takes some tens of kilobytes; this is room for a thousand. */
const LARGEST_BYTES = 64 * 1024 * 1024;

/** Reads an earlier export. Throws `WrongUse` for anything else, in one sentence: the file may be from anywhere. */
export function readExportFile(file: string, cwd: string): ExportDocument {
  const refuse = (what: string): never => {
    throw new WrongUse(`--input ${safe(file, 4_096) || '""'} ${what}`);
  };
  if (file === '' || file.includes('\0')) return refuse('is no name that a file can have');
  const document = parsed(textOf(resolve(cwd, file), refuse), refuse);
  const schema = schemaOf(document);
  if (schema === undefined) return refuse('is no export; hive-db export --output FILE makes one');
  if (schema !== 'hive-db/export/v1') return refuse(`is ${safe(schema, 80)}; expected hive-db/export/v1`);
  const misfit = misfitWith('export', document);
  return misfit === undefined ? (document as ExportDocument) : refuse(`does not keep its contract: ${misfit}`);
}

function textOf(path: string, refuse: (what: string) => never): string {
  try {
    // Never waits for somebody to write to a pipe.
    const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) return refuse(stats.isDirectory() ? 'is a directory' : 'is not a regular file');
      if (stats.size > LARGEST_BYTES)
        return refuse(`has ${size(stats.size)}; an export has ${size(LARGEST_BYTES)} at most`);
      return readFileSync(descriptor, 'utf8');
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof WrongUse) throw error;
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return refuse(code === 'ENOENT' ? 'does not exist' : `cannot be read: ${code}`);
  }
}

function parsed(text: string, refuse: (what: string) => never): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse(text.startsWith('{') ? 'is not JSON, or was cut off' : 'is not JSON');
  }
}

function schemaOf(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null || !('schema' in document)) return undefined;
  const { schema } = document;
  return typeof schema === 'string' && schema.startsWith('hive-db/') ? schema : undefined;
}
