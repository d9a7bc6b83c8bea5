/** The first hundred bytes of a SQLite database (sqlite.org/fileformat.html, section 1.3). */
export const HEADER_BYTES = 100;

const MAGIC = 'SQLite format 3\0';
/** The largest page; its size does not fit the two bytes that hold it and is written as 1. */
const LARGEST_PAGE = 65_536;

export type TextEncoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be';

export interface DatabaseHeader {
  readonly pageSize: number;
  readonly journalMode: 'wal' | 'rollback';
  /** Undefined where the writer was too old to keep it; then the size of the file tells. */
  readonly pageCount: number | undefined;
  readonly freePages: number;
  /** Undefined until the first table is made. */
  readonly textEncoding: TextEncoding | undefined;
  readonly userVersion: number;
  readonly applicationId: number;
  /** Of the library that wrote last: `3.51.3`. Undefined where it left none. */
  readonly sqliteVersion: string | undefined;
}

/** Why bytes are no header. `foreign`: it is something else; `damaged`: it was one. The reason completes a sentence about the file. */
export interface HeaderFault {
  readonly fault: 'foreign' | 'damaged';
  readonly reason: string;
}

/** Decodes the beginning of a file. Pure; takes any bytes and never throws. */
export function decodeDatabaseHeader(bytes: Uint8Array): DatabaseHeader | HeaderFault {
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // What a crash of the machine, or a copy that kept the size alone, leaves of a file.
  if (given.length >= HEADER_BYTES && given.every((byte) => byte === 0))
    return damaged('begins with zero bytes, which no database does');
  if (given.toString('latin1', 0, MAGIC.length) !== MAGIC) return { fault: 'foreign', reason: foreignReason(given) };
  if (given.length < HEADER_BYTES)
    return damaged(`ends after ${given.length} of the ${HEADER_BYTES} bytes of its header`);
  const pageSize = given.readUInt16BE(16) === 1 ? LARGEST_PAGE : given.readUInt16BE(16);
  if (!isPageSize(pageSize)) return damaged(`has a damaged header: page size ${pageSize}`);
  const format = given.readUInt8(19);
  if (format !== 1 && format !== 2) return damaged(`has a damaged header: file format version ${format}`);
  const encoding = given.readUInt32BE(56);
  if (encoding > 3) return damaged(`has a damaged header: text encoding ${encoding}`);
  const pageCount = given.readUInt32BE(28);
  // The count is right only where the change counter is the one that it was written with.
  const counted = pageCount > 0 && given.readUInt32BE(24) === given.readUInt32BE(92);
  return {
    pageSize,
    journalMode: format === 2 ? 'wal' : 'rollback',
    pageCount: counted ? pageCount : undefined,
    freePages: given.readUInt32BE(36),
    textEncoding: ([undefined, 'UTF-8', 'UTF-16le', 'UTF-16be'] as const)[encoding],
    userVersion: given.readInt32BE(60),
    applicationId: given.readInt32BE(68),
    sqliteVersion: versionOf(given.readUInt32BE(96)),
  };
}

/** Whether SQLite allows pages of this size: a power of two from 512 to 65,536. */
export function isPageSize(size: number): boolean {
  return size >= 512 && size <= LARGEST_PAGE && Number.isInteger(Math.log2(size));
}

function foreignReason(bytes: Buffer): string {
  const magic = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0;
  if (magic === 0x377f0682 || magic === 0x377f0683)
    return 'is the write-ahead log of a database; name the database itself';
  return 'is not a SQLite database: it begins with other bytes (an encrypted one does, too)';
}

function damaged(reason: string): HeaderFault {
  return { fault: 'damaged', reason };
}

function versionOf(number: number): string | undefined {
  if (number < 3_000_000 || number > 3_999_999) return undefined;
  return `3.${Math.floor(number / 1_000) % 1_000}.${number % 1_000}`;
}
