import { assert, constantFrom, nat, property, tuple, uint8Array } from 'fast-check';
import { endianness } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { FileLock } from '@hive/shared-db/health';
import { readMarksOf } from '../dist/file/locks.js';
import { decodeWalIndex, pinnedFrames, WAL_INDEX_BYTES } from '../dist/file/wal-index.js';
import { replay } from './support/replay.ts';

const little = endianness() === 'LE';

interface Fields {
  readonly version?: number;
  readonly initialised?: number;
  readonly pageSize?: number;
  readonly frames?: number;
  readonly backfilled?: number;
  readonly marks?: readonly number[];
}

/** The beginning of a `-shm` file as SQLite keeps it: two equal headers, then what checkpoints and readers share. */
function indexBytes(fields: Fields = {}): DataView<ArrayBuffer> {
  const { version = 3_007_000, initialised = 1, pageSize = 4_096, frames = 59, backfilled = 17 } = fields;
  const { marks = [0, 17, 59, 0xffff_ffff, 0xffff_ffff] } = fields;
  const view = new DataView(new ArrayBuffer(WAL_INDEX_BYTES));
  for (const at of [0, 48]) {
    view.setUint32(at, version, little);
    view.setUint8(at + 12, initialised);
    view.setUint16(at + 14, pageSize, little);
    view.setUint32(at + 16, frames, little);
  }
  view.setUint32(96, backfilled, little);
  view.setUint32(128, 42, little);
  for (const [mark, value] of marks.entries()) view.setUint32(100 + 4 * mark, value, little);
  return view;
}

function decode(view: DataView<ArrayBuffer>): ReturnType<typeof decodeWalIndex> {
  return decodeWalIndex(new Uint8Array(view.buffer));
}

describe('the index of a log', () => {
  it('is decoded', () => {
    expect(decode(indexBytes())).toEqual({
      pageSize: 4_096,
      frames: 59,
      backfilled: 17,
      attempted: 42,
      readMarks: [0, 17, 59, undefined, undefined],
    });
  });

  it('writes pages of 65,536 bytes as 1', () => {
    expect(decode(indexBytes({ pageSize: 1 }))?.pageSize).toBe(65_536);
  });

  it.each([
    ['of another version', indexBytes({ version: 3_007_001 })],
    ['that nobody has set up', indexBytes({ initialised: 0 })],
    ['with an odd page size', indexBytes({ pageSize: 1_000 })],
  ])('%s is none', (_, view) => {
    expect(decode(view)).toBeUndefined();
  });

  it('whose two headers differ was caught in the middle of a change', () => {
    const view = indexBytes();
    view.setUint32(48 + 16, 60, little);
    expect(decode(view)).toBeUndefined();
  });

  it('that is cut short is none', () => {
    const whole = new Uint8Array(indexBytes().buffer);
    assert(
      property(nat(WAL_INDEX_BYTES - 1), (length) => decodeWalIndex(whole.subarray(0, length)) === undefined),
      replay(),
    );
  });

  it('is an index or nothing, whatever the bytes are', () => {
    const hostile = uint8Array({ minLength: 0, maxLength: 2 * WAL_INDEX_BYTES });
    assert(
      property(hostile, (bytes) => decodeWalIndex(bytes) === undefined || bytes.length >= WAL_INDEX_BYTES),
      replay(),
    );
    const change = tuple(nat(WAL_INDEX_BYTES - 1), nat(255));
    assert(
      property(change, ([at, value]) => {
        const view = indexBytes();
        view.setUint8(at, value);
        const index = decode(view);
        // A change of one of the two headers alone is always noticed.
        expect(index === undefined || at >= 96 || value === indexBytes().getUint8(at)).toBe(true);
      }),
      replay(),
    );
  });
});

/** The first header of an index, whatever its fields are, but for the version and the word that it has been set up. */
const header = uint8Array({ minLength: 48, maxLength: 48 }).map((bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, 3_007_000, little);
  view.setUint8(12, 1);
  return bytes;
});
const shared = uint8Array({ minLength: WAL_INDEX_BYTES - 96, maxLength: 2 * WAL_INDEX_BYTES });
const pageSize = constantFrom(1, 512, 4_096, 32_768, 0, 100, 513, 65_535);

describe('an index whose two headers agree', () => {
  it('is taken at its word, whatever that is, or not at all', () => {
    assert(
      property(header, pageSize, shared, (first, stored, rest) => {
        new DataView(first.buffer).setUint16(14, stored, little);
        const bytes = Buffer.concat([first, first, rest]);
        const word = (at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
        const marks = [0, 1, 2, 3, 4].map((mark) => word(100 + 4 * mark));
        expect(decodeWalIndex(bytes)).toEqual(
          [1, 512, 4_096, 32_768].includes(stored)
            ? {
                pageSize: stored === 1 ? 65_536 : stored,
                frames: word(16),
                backfilled: word(96),
                attempted: word(128),
                readMarks: marks.map((mark) => (mark === 0xffff_ffff ? undefined : mark)),
              }
            : undefined,
        );
      }),
      replay(),
    );
  });

  it('never makes a reader keep less than nothing or more than there is', () => {
    assert(
      property(header, shared, nat(9), (first, rest, mark) => {
        new DataView(first.buffer).setUint16(14, 4_096, little);
        const index = decodeWalIndex(Buffer.concat([first, first, rest]))!;
        const kept = pinnedFrames(index, mark);
        expect(kept).toBeGreaterThanOrEqual(0);
        expect(kept).toBeLessThanOrEqual(index.frames);
      }),
      replay(),
    );
  });

  it('is the same wherever its bytes lie in memory', () => {
    assert(
      property(nat(64), uint8Array({ minLength: 64, maxLength: 64 }), (offset, around) => {
        const index = new Uint8Array(indexBytes().buffer);
        const memory = Buffer.concat([around.subarray(0, offset), index, around]);
        const bytes = memory.subarray(offset, offset + WAL_INDEX_BYTES);
        expect(decodeWalIndex(bytes)).toEqual(decodeWalIndex(index));
      }),
      replay(),
    );
  });
});

function lock(start: number, end: number, exclusive = false): FileLock {
  return { pid: 1, device: '08:01', inode: 1, start, end, exclusive };
}

describe('what readers keep in the log', () => {
  const index = decode(indexBytes())!;

  it.each([
    ['the first mark: everything that is not in the file', 0, 42],
    ['an older mark: what came after it', 1, 42],
    ['the newest mark: nothing', 2, 0],
    ['a mark that nobody has set: nothing', 3, 0],
  ])('%s', (_, mark, frames) => {
    expect(pinnedFrames(index, mark)).toBe(frames);
  });

  it('is never less than nothing: the log may have begun again', () => {
    assert(
      property(nat(100), nat(100), nat(100), nat(4), (frames, backfilled, seen, mark) => {
        const other = decode(indexBytes({ frames, backfilled, marks: [0, seen, seen, seen, seen] }))!;
        return pinnedFrames(other, mark) >= 0 && pinnedFrames(other, mark) <= frames;
      }),
      replay(),
    );
  });

  it.each([
    ['one mark', lock(124, 124), [1]],
    ['several in one lock', lock(123, 125), [0, 1, 2]],
    ['all of the file', lock(0, Infinity), [0, 1, 2, 3, 4]],
    ['none: the lock of who writes', lock(120, 120), []],
    ['none: the lock of who has it open', lock(128, 128), []],
    ['none: a mark that is being changed', lock(124, 124, true), []],
  ])('is told by their locks: %s', (_, held, marks) => {
    expect(readMarksOf(held)).toEqual(marks);
  });
});
