import { HEADER_BYTES, isPageSize } from './database-header.ts';

/** Bytes of the header of a write-ahead log, and of each frame's (sqlite.org/fileformat.html, section 4). */
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** From here on a commit moves the frames into the file, in SQLite's own default, as far as readers let it (sqlite.org/wal.html, section 2.1). */
export const USUAL_CHECKPOINT_FRAMES = 1_000;
/** How many frames are looked through for one: that takes a tenth of a second where they are in memory. */
const MOST_LOOKS = 100_000;

/** A log that can be looked at anywhere. `at` gives fewer bytes, or none, where the log ends or cannot be read. */
export interface WalSource {
  readonly bytes: number;
  at(offset: number, length: number): Uint8Array;
}

export interface Wal {
  readonly pageSize: number;
  /** Frames of the present round; what lies behind them is left from earlier ones. */
  readonly frames: number;
  /**
   * Frames up to the last commit: the rest belongs to a transaction that goes on, or never ended. Undefined where more frames than are
   * looked through came after it.
   */
  readonly committedFrames: number | undefined;
  /** Pages of the database after the last commit; undefined before the first, and where that was not found. */
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
 * Reads a write-ahead log, whatever its size, by its frames' headers: they tell by their salts whether they count, and only the first
 * header's checksum is verified, without which SQLite reads nothing of it. Pure; never throws. Undefined where there is no log to speak of. Costs one small read for each frame, and two hundred
 * thousand at most: from the end, that is far behind any last commit and first page of a log that is in use.
 */
export function readWal(source: WalSource): Wal | undefined {
  const header = bufferOf(source.at(0, WAL_HEADER_BYTES));
  if (header.length < WAL_HEADER_BYTES || (header.readUInt32BE(0) & ~1) >>> 0 !== 0x377f0682) return undefined;
  if (!isAt(header, 24, checksumOf(header))) return undefined;
  const pageSize = header.readUInt32BE(8);
  if (!isPageSize(pageSize)) return undefined;
  const salts = header.toString('latin1', 16, 24);
  const stride = FRAME_HEADER_BYTES + pageSize;
  const offsetOf = (index: number): number => WAL_HEADER_BYTES + index * stride;
  const frame = (index: number): Frame => decodeFrame(bufferOf(source.at(offsetOf(index), FRAME_HEADER_BYTES)));

  const room = Math.max(0, Math.floor((source.bytes - WAL_HEADER_BYTES) / stride));
  const frames = firstIndex(room, (index) => frame(index).salts !== salts);
  const last = lastIndex(frames, (index) => frame(index).pagesAfterCommit > 0);
  const first = lastIndex((last ?? -1) + 1, (index) => frame(index).page === 1) ?? -1;
  return {
    pageSize,
    frames,
    committedFrames: last === undefined ? undefined : last + 1,
    pageCount: last === undefined || last < 0 ? undefined : frame(last).pagesAfterCommit,
    header: first < 0 ? undefined : source.at(offsetOf(first) + FRAME_HEADER_BYTES, HEADER_BYTES),
  };
}

/**
 * How many frames of the present round have checksums that hold, from the beginning: those that SQLite will take in when it opens the
 * log. Pure; never throws. Reads the whole log.
 */
export function soundFrames(source: WalSource): number {
  const header = bufferOf(source.at(0, WAL_HEADER_BYTES));
  const { pageSize = 0, frames = 0 } = readWal(source) ?? {};
  if (frames === 0) return 0;
  const little = isLittle(header);
  let sum = checksumOf(header);
  const stride = FRAME_HEADER_BYTES + pageSize;
  for (let index = 0; index < frames; index++) {
    const frame = bufferOf(source.at(WAL_HEADER_BYTES + index * stride, stride));
    // The salts are not added up, and a search for their end may have jumped over a frame that has others.
    if (frame.length < stride || !frame.subarray(8, 16).equals(header.subarray(16, 24))) return index;
    sum = checksum(checksum(sum, frame.subarray(0, 8), little), frame.subarray(FRAME_HEADER_BYTES), little);
    if (!isAt(frame, 16, sum)) return index;
  }
  return frames;
}

/** The last bit of the first word says in which order the bytes of the words are that are added up. */
function isLittle(header: Buffer): boolean {
  return (header.readUInt32BE(0) & 1) === 0;
}

function checksumOf(header: Buffer): Checksum {
  return checksum({ a: 0, b: 0 }, header.subarray(0, 24), isLittle(header));
}

interface Checksum {
  readonly a: number;
  readonly b: number;
}

/** Goes on adding up words of 32 bits, two at a time (sqlite.org/fileformat.html, section 4.2). */
function checksum({ a, b }: Checksum, bytes: Buffer, little: boolean): Checksum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    a = (a + view.getUint32(at, little) + b) >>> 0;
    b = (b + view.getUint32(at + 4, little) + a) >>> 0;
  }
  return { a, b };
}

function isAt(bytes: Buffer, offset: number, { a, b }: Checksum): boolean {
  return bytes.readUInt32BE(offset) === a && bytes.readUInt32BE(offset + 4) === b;
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

/** The last index for which the test holds, -1 where it holds for none; undefined where the search was given up. */
function lastIndex(end: number, test: (index: number) => boolean): number | undefined {
  const giveUp = Math.max(-1, end - 1 - MOST_LOOKS);
  let index = end - 1;
  while (index > giveUp && !test(index)) index--;
  return index > giveUp || giveUp === -1 ? index : undefined;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
