import type { FileLock } from '@hive/shared-db/health';

/**
 * What a process does with a database, as far as its locks tell. `exclusive`: it shuts everybody else out; `pending`: it wants to, and
 * waits until nobody reads.
 */
export type Holding = (typeof HOLDINGS)[number];
export const HOLDINGS = ['open', 'read', 'write', 'checkpoint', 'recover', 'pending', 'exclusive'] as const;

/** Locks of readers: each on the byte of the read mark that says what it sees. */
const FIRST_READ_MARK = 123;
const LAST_READ_MARK = 127;

/** Bytes of the `-shm` file by what a lock on them means (sqlite.org/walformat.html, section 2.3.1). */
const SHM_LOCKS: readonly (readonly [first: number, last: number, Holding])[] = [
  [120, 120, 'write'],
  [121, 121, 'checkpoint'],
  [122, 122, 'recover'],
  [FIRST_READ_MARK, LAST_READ_MARK, 'read'],
  [128, 128, 'open'],
];

/** What a lock on the `-shm` file of a database in WAL mode means. One lock may cover several bytes. Pure. */
export function shmHoldings({ start, end, exclusive }: FileLock): readonly Holding[] {
  return SHM_LOCKS.flatMap(([first, last, holding]) => {
    if (end < first || start > last) return [];
    // The first three are locks only when exclusive.
    return exclusive || first >= FIRST_READ_MARK ? [holding] : [];
  });
}

/** Which read marks a lock on the `-shm` file uses. An exclusive lock changes a mark and reads nothing. Pure. */
export function readMarksOf({ start, end, exclusive }: FileLock): readonly number[] {
  if (exclusive) return [];
  const marks = Array.from({ length: LAST_READ_MARK - FIRST_READ_MARK + 1 }, (_, mark) => mark);
  return marks.filter((mark) => start <= FIRST_READ_MARK + mark && FIRST_READ_MARK + mark <= end);
}

/** Where SQLite locks the database file itself: one byte at 1 GiB for who waits, the next for who writes, then 510 for readers. */
const PENDING = 0x4000_0000;
const RESERVED = PENDING + 1;
const SHARED_FIRST = PENDING + 2;
const SHARED_LAST = SHARED_FIRST + 509;

/** What a lock on the database file means. In WAL mode every open connection has the readers' bytes. Pure. */
export function databaseHoldings({ start, end, exclusive }: FileLock, mode: 'wal' | 'rollback'): readonly Holding[] {
  const holdings: Holding[] = [];
  if (start <= SHARED_LAST && end >= SHARED_FIRST) {
    if (exclusive) holdings.push('exclusive');
    else holdings.push(mode === 'wal' ? 'open' : 'read');
  }
  if (exclusive && start <= RESERVED && end >= RESERVED) holdings.push('write');
  if (mode === 'rollback' && exclusive && start <= PENDING && end >= PENDING && end < SHARED_FIRST)
    holdings.push('pending');
  return holdings;
}
