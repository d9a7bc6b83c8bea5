// @ts-check
// What a file holds that is to be a database, as far as opening it would find it wrong. Only for a process that opens no database:
// closing a descriptor of one drops all locks that its process has on it (sqlite.org/howtocorrupt.html, section 2.2).
import { closeSync, openSync, readSync, statSync } from 'node:fs';

const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
const LARGEST_PAGE = 65_536;

/**
 * What is wrong with it, as the end of a sentence about the file; undefined where nothing is, where another process may be changing its
 * size just now, and where it cannot be read after all: who opens it says why. @param {string} path @returns {string | undefined}
 */
export function faultOf(path) {
  try {
    return faultIn(beginningOf(path), path);
  } catch {
    return undefined;
  }
}

/** @param {Buffer} header @param {string} path */
function faultIn(header, path) {
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC)
    return 'is not a SQLite database; check the path; the file was not touched';
  const damage = damageOf(header, path);
  return damage && `is damaged: ${damage}; restore a backup; the file was not touched`;
}

/** @param {Buffer} header @param {string} path */
function damageOf(header, path) {
  if (header.length < HEADER_BYTES) return `it ends within its first ${HEADER_BYTES} bytes`;
  const written = header.readUInt16BE(16);
  const pageBytes = written === 1 ? LARGEST_PAGE : written;
  if (pageBytes < 512 || !Number.isInteger(Math.log2(pageBytes))) return `its pages have ${pageBytes} bytes`;
  // Somebody may be bringing pages from there into the file, which still has all of them.
  if (['-wal', '-journal'].some((suffix) => sizeOf(`${path}${suffix}`) > 0)) return undefined;
  const bytes = sizeOf(path);
  // The count is right only where the change counter is the one that it was written with (sqlite.org/fileformat.html, section 1.3).
  const pages = header.readUInt32BE(24) === header.readUInt32BE(92) ? header.readUInt32BE(28) : 0;
  if (bytes % pageBytes === 0 && bytes >= pages * pageBytes) return undefined;
  return `it was cut short, to ${bytes} bytes`;
}

/** @param {string} path */
function beginningOf(path) {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(HEADER_BYTES);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, HEADER_BYTES, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** @param {string} path */
function sizeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
