import { isRecord } from '@hive/shared-db/presence';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RecordingDocument } from './documents/recording.ts';
import { recordingMisfit } from './documents/recording-shape.ts';
import { safe } from './render/safe-text.ts';
import { WrongUse } from './wrong-use.ts';

/** Twenty processes with eighteen databases each make fifteen. */
const MAX_MEBIBYTES = 32;

/** Reads what `hive-db record` has saved. Throws `WrongUse`, with one sentence, for whatever else it is. */
export function readRecording(file: string, cwd: string): RecordingDocument {
  const document = parsed(file, bytesOf(file, cwd));
  const schema = isRecord(document) ? document['schema'] : undefined;
  if (typeof schema === 'string' && schema !== 'hive-db/recording/v1')
    throw unusable(file, `is of the form ${safe(schema, 60)}, not of hive-db/recording/v1`);
  const fault = recordingMisfit(document);
  if (fault !== undefined) throw unusable(file, `is no recording: ${fault}`);
  return document as RecordingDocument;
}

function bytesOf(file: string, cwd: string): Uint8Array {
  if (file === '' || file.includes('\0')) throw unusable(file, 'is no name that a file can have');
  const path = resolve(cwd, file);
  try {
    const stats = statSync(path);
    // Looked at before it is opened: a pipe would be waited for.
    if (!stats.isFile()) throw unusable(file, 'is no file');
    if (stats.size > MAX_MEBIBYTES * 1024 ** 2) throw unusable(file, `is larger than ${MAX_MEBIBYTES} MiB`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof WrongUse) throw error;
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw unusable(file, code === 'ENOENT' ? 'does not exist' : `cannot be read: ${code}`);
  }
}

function parsed(file: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw unusable(file, 'is no recording: it is not JSON');
  }
}

function unusable(file: string, what: string): WrongUse {
  return new WrongUse(`${safe(file, 4_096) || '""'} ${what}; name a file that hive-db record has saved`);
}
