import { HEADER_BYTES, isPageSize } from './database-header.ts';

/** Bytes of the header of a write-ahead log, and of each frame's (sqlite.org/fileformat.html, section 4). */
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** A log that can be looked at anywhere. `at` gives fewer bytes, or none, where the log ends or cannot be read. */
export interface WalSource {
  readonly bytes: number;
  at(offset: number, length: number): Uint8Array;
}

export interface Wal {
  readonly pageSize: number;
  /** Frames of the present round; what lies behind them is left from earlier ones. */
  readonly frames: number;
  /** Frames up to the last commit: the rest belongs to a transaction that goes on, or never ended. */
  readonly committedFrames: number;
  /** Pages of the database after the last commit; undefined before the first. */
  readonly pageCount: number | undefined;
  /** The beginning of the first page as last committed here: it is newer than that of the database file. Undefined if it is not here. */
  readonly header: Uint8Array | undefined;
}

interface Frame {
  readonly page: number;
  /** Pages of the database after the commit that this frame ends; 0 where it ends none. */
  readonly pagesAfterCommit: number;
  readonly salts: string;
}

/**
 * Reads a write-ahead log, whatever its size, by its frames' headers: they tell by their salts whether they count, checksums are not
 * verified. Pure; never throws. Undefined where there is no log to speak of. Costs one small read for each frame at most.
 */
export function readWal(source: WalSource): Wal | undefined {
  const header = bufferOf(source.at(0, WAL_HEADER_BYTES));
  if (header.length < WAL_HEADER_BYTES || (header.readUInt32BE(0) & ~1) >>> 0 !== 0x377f0682) return undefined;
  const pageSize = header.readUInt32BE(8);
  if (!isPageSize(pageSize)) return undefined;
  const salts = header.toString('latin1', 16, 24);
  const stride = FRAME_HEADER_BYTES + pageSize;
  const offsetOf = (index: number): number => WAL_HEADER_BYTES + index * stride;
  const frame = (index: number): Frame => decodeFrame(bufferOf(source.at(offsetOf(index), FRAME_HEADER_BYTES)));

  const room = Math.max(0, Math.floor((source.bytes - WAL_HEADER_BYTES) / stride));
  const frames = firstIndex(room, (index) => frame(index).salts !== salts);
  const last = lastIndex(frames, (index) => frame(index).pagesAfterCommit > 0);
  const first = lastIndex(last + 1, (index) => frame(index).page === 1);
  return {
    pageSize,
    frames,
    committedFrames: last + 1,
    pageCount: last < 0 ? undefined : frame(last).pagesAfterCommit,
    header: first < 0 ? undefined : source.at(offsetOf(first) + FRAME_HEADER_BYTES, HEADER_BYTES),
  };
}

function decodeFrame(bytes: Buffer): Frame {
  if (bytes.length < FRAME_HEADER_BYTES) return { page: 0, pagesAfterCommit: 0, salts: '' };
  return {
    page: bytes.readUInt32BE(0),
    pagesAfterCommit: bytes.readUInt32BE(4),
    salts: bytes.toString('latin1', 8, 16),
  };
}

/** The first index for which the test holds, where it holds for all behind the first: a new round overwrites from the front. */
function firstIndex(end: number, test: (index: number) => boolean): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function lastIndex(end: number, test: (index: number) => boolean): number {
  let index = end - 1;
  while (index >= 0 && !test(index)) index--;
  return index;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
