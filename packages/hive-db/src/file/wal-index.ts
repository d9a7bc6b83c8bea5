import { endianness } from 'node:os';
import { isPageSize } from './database-header.ts';

/** Bytes at the beginning of the `-shm` file that tell of the log and its readers (sqlite.org/walformat.html, section 2). */
export const WAL_INDEX_BYTES = 136;

/** The only format there has ever been. */
const VERSION = 3_007_000;
const COPY_AT = 48;
const BACKFILLED_AT = 96;
const READ_MARKS_AT = 100;
const ATTEMPTED_AT = 128;
/** How many read marks there are. A reader holds the lock of one of them. */
const READ_MARKS = 5;
const UNUSED_MARK = 0xffff_ffff;

/** What connections of a database in WAL mode tell each other about its log. */
export interface WalIndex {
  readonly pageSize: number;
  /** Valid frames of the log: up to the last commit. */
  readonly frames: number;
  /** How many of them are in the database file already. */
  readonly backfilled: number;
  /** How many of them the last checkpoint set out to move: all that no reader kept. */
  readonly attempted: number;
  /** By number of the read mark, the frames that its readers see; undefined where nobody has set it. Readers of the first see none. */
  readonly readMarks: readonly (number | undefined)[];
}

/**
 * Decodes the beginning of a `-shm` file. Pure. Undefined where it is none, is of an unknown version, has not been set up, or was caught
 * in the middle of a change: looking again helps with the last.
 */
export function decodeWalIndex(bytes: Uint8Array): WalIndex | undefined {
  if (bytes.length < WAL_INDEX_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = endianness() === 'LE';
  const word = (offset: number): number => view.getUint32(offset, little);
  if (word(0) !== VERSION || view.getUint8(12) === 0 || !hasTwoEqualHeaders(bytes)) return undefined;
  const stored = view.getUint16(14, little);
  const pageSize = stored === 1 ? 65_536 : stored;
  if (!isPageSize(pageSize)) return undefined;
  const readMarks = Array.from({ length: READ_MARKS }, (_, mark) => word(READ_MARKS_AT + 4 * mark));
  return {
    pageSize,
    frames: word(16),
    backfilled: word(BACKFILLED_AT),
    attempted: word(ATTEMPTED_AT),
    readMarks: readMarks.map((mark) => (mark === UNUSED_MARK ? undefined : mark)),
  };
}

/**
 * How many frames readers of a mark keep from being moved into the database file, and with them from being overwritten. Pure. Readers
 * of the first mark use the file alone: while they do, nothing may be moved into it.
 */
export function pinnedFrames({ frames, backfilled, readMarks }: WalIndex, mark: number): number {
  const seen = mark === 0 ? backfilled : (readMarks[mark] ?? frames);
  return Math.max(0, frames - seen);
}

function hasTwoEqualHeaders(bytes: Uint8Array): boolean {
  for (let at = 0; at < COPY_AT; at++) if (bytes[at] !== bytes[COPY_AT + at]) return false;
  return true;
}
