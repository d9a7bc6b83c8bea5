import type { RecordingDocument } from './documents/recording.ts';
import { recordingMisfit } from './documents/recording-shape.ts';
import { readSaved, type SavedKind } from './saved-document.ts';

/** What `hive-db record` saves. */
export const RECORDING: SavedKind = {
  schema: 'hive-db/recording/v1',
  noun: 'a recording',
  maker: 'hive-db record --output FILE',
  // Twenty processes with eighteen databases each make fifteen; all that is ever recorded at once has
  // room, and is read in a second and a half.
  mostMebibytes: 64,
  misfit: recordingMisfit,
};

/** Reads what `hive-db record` has saved. Throws `WrongUse` for anything else. */
export function readRecording(file: string, cwd: string): RecordingDocument {
  return readSaved(RECORDING, file, cwd) as RecordingDocument;
}
