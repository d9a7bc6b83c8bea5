import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLocks } from '../../dist/sqlite/lock-table.js';
import { logReaders } from '../../dist/sqlite/log-readers.js';
import { temporaryDatabase } from '@hive/shared-db/testing';

function lockTable(path: string, ...lines: readonly string[]): ReturnType<typeof parseLocks> {
  const { dev, ino } = statSync(`${path}-shm`);
  const device = BigInt(dev);
  const [major, minor] = [(device >> 8n) & 0xfffn, (device & 0xffn) | ((device >> 12n) & 0xfff00n)];
  const place = `${major.toString(16).padStart(2, '0')}:${minor.toString(16).padStart(2, '0')}:${ino}`;
  return parseLocks(lines.map((line, index) => `${index}: POSIX  ADVISORY  ${line.replace('HERE', place)}`).join('\n'));
}

describe('the readers of a log', () => {
  it('are told by their shared locks on the five marks; a lock may be one on several', async () => {
    await using temporary = await temporaryDatabase();
    const locks = lockTable(
      temporary.path,
      'READ 11 HERE 124 124',
      'READ 12 HERE 126 128',
      'READ 13 HERE 128 128',
      'WRITE 14 HERE 120 120',
      'WRITE 15 HERE 125 125',
      'READ 16 00:99:1 124 124',
    );
    expect(logReaders(temporary.path, locks)).toEqual([
      { pid: 11, mark: 1 },
      { pid: 12, mark: 3 },
      { pid: 12, mark: 4 },
    ]);
  });

  it.runIf(process.platform === 'linux')('are found with their processes, this one as well', async () => {
    await using temporary = await temporaryDatabase();
    await temporary.database.write('make', (tx) => {
      tx.exec('CREATE TABLE t (n)');
    });
    expect(logReaders(temporary.path)).toEqual([]);
    await temporary.database.read('look', async (c) => {
      await c.all('SELECT * FROM t');
      expect(logReaders(temporary.path)).toMatchObject([{ pid: process.pid }]);
    });
    expect(logReaders(temporary.path)).toEqual([]);
  });

  it('of a file that is not there are none', () => {
    expect(logReaders('/nowhere/at/all.db')).toEqual([]);
  });
});
