import {
  array,
  assert,
  boolean,
  constant,
  constantFrom,
  integer,
  maxSafeNat,
  nat,
  oneof,
  property,
  record,
  string,
  tuple,
  uniqueArray,
} from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { decodeDatabaseHeader } from '../dist/file/database-header.js';
import { networkFileSystem, parseLocks, type FileLock } from '@hive/shared-db/health';
import { databaseHoldings, shmHoldings } from '../dist/file/locks.js';
import { replay } from './support/replay.ts';
import { readWal, soundFrames, type WalSource } from '../dist/file/wal.js';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** The header of an empty database with pages of 4 KiB, written by SQLite 3.51.3 in WAL mode. */
function headerBytes(): Buffer {
  const bytes = Buffer.alloc(100);
  bytes.write('SQLite format 3\0', 'latin1');
  bytes.writeUInt16BE(4_096, 16);
  bytes.writeUInt8(2, 18);
  bytes.writeUInt8(2, 19);
  bytes.writeUInt32BE(7, 24);
  bytes.writeUInt32BE(3, 28);
  bytes.writeUInt32BE(1, 36);
  bytes.writeUInt32BE(1, 56);
  bytes.writeInt32BE(-5, 60);
  bytes.writeInt32BE(0x48495645, 68);
  bytes.writeUInt32BE(7, 92);
  bytes.writeUInt32BE(3_051_003, 96);
  return bytes;
}

function changed(change: (bytes: Buffer) => void): Buffer {
  const bytes = headerBytes();
  change(bytes);
  return bytes;
}

describe('the header of a database', () => {
  it('is decoded', () => {
    expect(decodeDatabaseHeader(headerBytes())).toEqual({
      pageSize: 4_096,
      journalMode: 'wal',
      pageCount: 3,
      freePages: 1,
      textEncoding: 'UTF-8',
      userVersion: -5,
      applicationId: 0x48495645,
      sqliteVersion: '3.51.3',
    });
  });

  it.each([
    ['1 means 65,536 bytes', (bytes: Buffer) => bytes.writeUInt16BE(1, 16), { pageSize: 65_536 }],
    ['version 1 means a rollback journal', (bytes: Buffer) => bytes.writeUInt8(1, 19), { journalMode: 'rollback' }],
    ['a stale page count is none', (bytes: Buffer) => bytes.writeUInt32BE(6, 92), { pageCount: undefined }],
    [
      'no encoding is chosen before the first table',
      (bytes: Buffer) => bytes.writeUInt32BE(0, 56),
      { textEncoding: undefined },
    ],
    ['UTF-16 has two', (bytes: Buffer) => bytes.writeUInt32BE(3, 56), { textEncoding: 'UTF-16be' }],
    [
      'a version that is none is not known',
      (bytes: Buffer) => bytes.writeUInt32BE(0, 96),
      { sqliteVersion: undefined },
    ],
  ])('%s', (_, change, expected) => {
    expect(decodeDatabaseHeader(changed(change))).toMatchObject(expected);
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'foreign', /is not a SQLite database/],
    ['text', Buffer.from('SQLite format 3? No.'), 'foreign', /is not a SQLite database/],
    ['a log', Buffer.from([0x37, 0x7f, 0x06, 0x82]), 'foreign', /is the write-ahead log of a database/],
    ['half a header', headerBytes().subarray(0, 50), 'damaged', /ends after 50 of the 100 bytes/],
    ['an odd page size', changed((bytes) => bytes.writeUInt16BE(4_097, 16)), 'damaged', /page size 4097/],
    ['a small page size', changed((bytes) => bytes.writeUInt16BE(256, 16)), 'damaged', /page size 256/],
    ['a later format', changed((bytes) => bytes.writeUInt8(3, 19)), 'damaged', /file format version 3/],
    ['an unknown encoding', changed((bytes) => bytes.writeUInt32BE(4, 56)), 'damaged', /text encoding 4/],
  ])('is not taken from %s', (_, bytes, fault, reason) => {
    expect(decodeDatabaseHeader(bytes)).toEqual({ fault, reason: expect.stringMatching(reason) as string });
  });

  it('is a header or a reason, whatever the bytes are', () => {
    const position = tuple(nat(99), nat(255));
    assert(
      property(array(position, { maxLength: 30 }), nat(120), (positions, length) => {
        const bytes = changed((buffer) => {
          for (const [offset, value] of positions) buffer[offset] = value;
        });
        const header = decodeDatabaseHeader(bytes.subarray(0, length));
        return 'fault' in header
          ? /^(?:is|has|ends) [ -~]+$/.test(header.reason)
          : Number.isInteger(Math.log2(header.pageSize));
      }),
      replay(),
    );
  });
});

const PAGE = 512;
const SALTS = Buffer.from('saltsalt');

/** A log of pages of 512 bytes: each frame is a page number and, where it commits, the size of the database. */
function log(frames: readonly { page: number; commits?: number; salts?: Buffer; content?: Buffer }[]): WalSource {
  const header = Buffer.alloc(32);
  header.writeUInt32BE(0x377f0683, 0);
  header.writeUInt32BE(3_007_000, 4);
  header.writeUInt32BE(PAGE, 8);
  SALTS.copy(header, 16);
  let [a, b] = [0, 0];
  for (let at = 0; at < 24; at += 8) {
    a = (a + header.readUInt32BE(at) + b) >>> 0;
    b = (b + header.readUInt32BE(at + 4) + a) >>> 0;
  }
  header.writeUInt32BE(a, 24);
  header.writeUInt32BE(b, 28);
  const parts = frames.map(({ page, commits = 0, salts = SALTS, content }) => {
    const frame = Buffer.alloc(24 + PAGE);
    frame.writeUInt32BE(page, 0);
    frame.writeUInt32BE(commits, 4);
    salts.copy(frame, 8);
    content?.copy(frame, 24);
    return frame;
  });
  return sourceOf(Buffer.concat([header, ...parts]));
}

function sourceOf(bytes: Uint8Array): WalSource {
  return { bytes: bytes.length, at: (offset, length) => bytes.subarray(offset, offset + length) };
}

function content(text: string): Buffer {
  return Buffer.from(text.padEnd(100));
}

describe('a write-ahead log', () => {
  it('has frames up to the first of an earlier round', () => {
    const old = Buffer.from('earlier!');
    const frames = [{ page: 2 }, { page: 3, commits: 3 }, { page: 2, salts: old }, { page: 9, commits: 9, salts: old }];
    expect(readWal(log(frames))).toEqual({
      pageSize: PAGE,
      frames: 2,
      committedFrames: 2,
      pageCount: 3,
      header: undefined,
    });
  });

  it('does not count what was never committed', () => {
    const frames = [{ page: 2, commits: 2 }, { page: 3 }, { page: 4 }];
    expect(readWal(log(frames))).toMatchObject({ frames: 3, committedFrames: 1, pageCount: 2 });
    expect(readWal(log([{ page: 2 }]))).toMatchObject({ frames: 1, committedFrames: 0, pageCount: undefined });
    expect(readWal(log([]))).toMatchObject({ frames: 0, committedFrames: 0, pageCount: undefined });
  });

  it('gives the first page as it was last committed', () => {
    const frames = [
      { page: 1, content: content('old') },
      { page: 1, commits: 2, content: content('new') },
      { page: 2, commits: 2 },
      { page: 1, content: content('not committed') },
    ];
    expect(
      Buffer.from(readWal(log(frames))!.header!)
        .toString()
        .trimEnd(),
    ).toBe('new');
  });

  it('is sound up to the first byte that is not what SQLite wrote', () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    using database = new DatabaseSync(path);
    database.exec(
      `PRAGMA page_size = ${PAGE}; PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);`,
    );
    database.exec('INSERT INTO t SELECT randomblob(900) FROM (VALUES (1), (2), (3))');
    const whole = readFileSync(`${path}-wal`);
    const { frames } = readWal(sourceOf(whole))!;
    expect(frames).toBeGreaterThan(5);
    expect(soundFrames(sourceOf(whole))).toBe(frames);
    for (let frame = 0; frame < frames; frame++) {
      const bytes = Buffer.from(whole);
      bytes[32 + frame * (24 + PAGE) + 8]! ^= 1;
      expect(soundFrames(sourceOf(bytes))).toBe(frame);
    }
    assert(
      property(nat(whole.length - 1), integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[at] = bytes[at]! ^ change;
        const touched = at < 32 ? 0 : Math.floor((at - 32) / (24 + PAGE));
        expect(soundFrames(sourceOf(bytes))).toBe(touched);
        // What is cut off does not count either.
        expect(soundFrames(sourceOf(whole.subarray(0, at)))).toBe(touched);
      }),
      replay(),
    );
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['short', Buffer.from([0x37, 0x7f, 0x06, 0x82, 0, 0])],
    ['of zeros', Buffer.alloc(64)],
    [
      'of another page size',
      (() => {
        const bytes = Buffer.from(log([]).at(0, 32));
        bytes.writeUInt32BE(100, 8);
        return bytes;
      })(),
    ],
  ])('is none when it is %s', (_, bytes) => {
    expect(readWal(sourceOf(bytes))).toBeUndefined();
  });

  it('is read in a number of steps that its size bounds, whatever its bytes are', () => {
    const bytes = array(tuple(nat(4_000), nat(255)), { maxLength: 60 });
    assert(
      property(bytes, nat(4_000), (changes, length) => {
        const whole = log(Array.from({ length: 7 }, (_, index) => ({ page: index % 3, commits: index % 2 })));
        const buffer = Buffer.from(whole.at(0, whole.bytes));
        for (const [offset, value] of changes) if (offset < buffer.length) buffer[offset] = value;
        let steps = 0;
        const given = buffer.subarray(0, length);
        const wal = readWal({
          // A log may also be shorter than `stat` said a moment ago.
          bytes: whole.bytes,
          at: (offset, size) => {
            steps++;
            return given.subarray(offset, offset + size);
          },
        });
        expect(steps).toBeLessThan(40);
        return wal === undefined || wal.committedFrames! <= wal.frames;
      }),
      replay(),
    );
  });
});

describe('a line of /proc/locks', () => {
  it('is parsed when it is a POSIX lock of a process', () => {
    expect(parseLocks('1: POSIX  ADVISORY  READ  4711 fe:00:262146 1073741826 1073742335')[0]).toEqual({
      pid: 4_711,
      exclusive: false,
      device: 'fe:00',
      inode: 262_146,
      start: 1_073_741_826,
      end: 1_073_742_335,
    });
    expect(parseLocks('22: POSIX  ADVISORY  WRITE 12 00:2c:9 0 EOF')[0]).toMatchObject({
      exclusive: true,
      end: Infinity,
    });
  });

  it.each([
    '',
    '1: FLOCK  ADVISORY  WRITE 4711 fe:00:262146 0 EOF',
    '1: OFDLCK ADVISORY  READ  -1 fe:00:262146 0 EOF',
    '1: -> POSIX  ADVISORY  WRITE 4711 fe:00:262146 0 EOF',
    '1: POSIX  ADVISORY  WRITE 0 fe:00:262146 0 EOF',
    '1: POSIX  ADVISORY  WRITE 4711 <none>:0 0 EOF',
  ])('is not counted otherwise: %s', (line) => {
    expect(parseLocks(line)[0]).toBeUndefined();
  });

  it('is a lock or nothing, whatever it is', () => {
    const word = constantFrom(
      '1:',
      'POSIX',
      'ADVISORY',
      'READ',
      'WRITE',
      '4711',
      'fe:00:1',
      '0',
      'EOF',
      '->',
      '\u0000',
    );
    assert(
      property(
        oneof(
          array(word).map((words) => words.join(' ')),
          string({ unit: 'binary' }),
        ),
        (line) => {
          const [lock] = parseLocks(line);
          if (lock === undefined) return;
          expect(lock.pid).toBeGreaterThan(0);
          expect(Number.isInteger(lock.inode)).toBe(true);
        },
      ),
      replay(),
    );
  });
});

/** A lock, and how the kernel writes it. */
const byte = oneof(nat(510), integer({ min: 0x4000_0000, max: 0x4000_0200 }), maxSafeNat());
const hexadecimal = nat(0xfffff).map((number) => number.toString(16).padStart(2, '0'));
const writtenLock = record({
  pid: integer({ min: 1, max: 4_194_304 }),
  exclusive: boolean(),
  device: tuple(hexadecimal, hexadecimal).map(([major, minor]) => `${major}:${minor}`),
  inode: maxSafeNat(),
  start: byte,
  end: oneof(byte, constant(Infinity)),
}).map((held) => {
  const { pid, exclusive, device, inode, start, end } = held;
  const mode = exclusive ? 'WRITE' : 'READ ';
  const last = end === Infinity ? 'EOF' : String(end);
  return { held, text: `POSIX  ADVISORY  ${mode} ${pid} ${device}:${inode} ${start} ${last}` };
});
/** What else may stand in the table, and what should not. */
const otherLine = oneof(
  constantFrom(
    '2: POSIX  ADVISORY  WRITE 1 fe:00:1 120 120',
    'POSIX  ADVISORY  WRITE 1 fe:00:1 120 120 121',
    'FLOCK  ADVISORY  WRITE 1 fe:00:1 0 EOF',
    '-> POSIX  ADVISORY  WRITE 1 fe:00:1 120 120',
    '',
  ),
  string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' ')),
);
const table = uniqueArray(
  oneof(
    writtenLock,
    otherLine.map((text) => ({ held: undefined, text })),
  ),
  { maxLength: 20, selector: ({ text }) => text },
).map((lines) => ({
  text: lines.map(({ text }, index) => `${index + 1}: ${text}\n`).join(''),
  locks: lines.flatMap(({ held }) => held ?? []),
}));

describe('the table of locks', () => {
  it('gives each lock as it is written, in order, whatever else stands in it', () => {
    assert(
      property(table, ({ text, locks }) => {
        expect(parseLocks(text)).toEqual(locks);
      }),
      replay(),
    );
  });

  it('that is cut short gives the locks of its whole lines, and what the last line seems to be', () => {
    assert(
      property(table, maxSafeNat(), ({ text, locks }, cut) => {
        const cutText = text.slice(0, cut % (text.length + 1));
        const whole = parseLocks(cutText.slice(0, cutText.lastIndexOf('\n') + 1));
        const found = parseLocks(cutText);
        expect(whole).toEqual(locks.slice(0, whole.length));
        expect(found.slice(0, whole.length)).toEqual(whole);
        expect(found.length - whole.length).toBeLessThanOrEqual(1);
      }),
      replay(),
    );
  });
});

function lock(start: number, end: number, exclusive: boolean): FileLock {
  return { pid: 1, inode: 1, device: 'fe:00', start, end, exclusive };
}

describe('a lock', () => {
  it.each([
    [lock(120, 120, true), ['write']],
    [lock(121, 121, true), ['checkpoint']],
    [lock(122, 122, true), ['recover']],
    [lock(124, 124, false), ['read']],
    [lock(128, 128, false), ['open']],
    [lock(124, 128, false), ['read', 'open']],
    [lock(120, 127, true), ['write', 'checkpoint', 'recover', 'read']],
    [lock(120, 120, false), []],
    [lock(129, 200, true), []],
  ])('on the -shm file %j means %j', (given, expected) => {
    expect(shmHoldings(given)).toEqual(expected);
  });

  it.each([
    [lock(0x40000002, 0x40000002 + 509, false), 'wal', ['open']],
    [lock(0x40000002, 0x40000002 + 509, false), 'rollback', ['read']],
    [lock(0x40000001, 0x40000001, true), 'rollback', ['write']],
    [lock(0x40000000, 0x40000002 + 509, true), 'rollback', ['exclusive', 'write']],
    [lock(0x40000000, 0x40000001, true), 'rollback', ['write', 'pending']],
    // Whoever begins to read passes here.
    [lock(0x40000000, 0x40000000, false), 'rollback', []],
    [lock(0x40000000, 0x40000001, true), 'wal', ['write']],
    [lock(0, 100, true), 'rollback', []],
  ] as const)('on the database %j in %s mode means %j', (given, mode, expected) => {
    expect(databaseHoldings(given, mode)).toEqual(expected);
  });
});

describe('a file system', () => {
  it('is named when it is one of a network, with or without a sign', () => {
    expect(networkFileSystem(0x6969)).toBe('NFS');
    expect(networkFileSystem(0xff534d42)).toBe('CIFS');
    expect(networkFileSystem(0xff534d42 | 0)).toBe('CIFS');
    expect(networkFileSystem(0xef53)).toBeUndefined();
  });
});
