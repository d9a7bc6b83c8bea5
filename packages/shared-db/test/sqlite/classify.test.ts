import { describe, expect, it } from 'vitest';
import type { Phase } from '@hive/shared-db';
// By itself: most of these a disk only says when it breaks.
import { classifyCode, classifySqlite } from '../../dist/sqlite/classify.js';
import { SqliteError } from '../../dist/sqlite/engine.js';

type Row = readonly [code: string, kind: string, consequence: 'try again' | 'stop writing' | 'fail'];

const TABLE: readonly Row[] = [
  ['SQLITE_BUSY', 'BUSY_TIMEOUT', 'try again'],
  ['SQLITE_BUSY_SNAPSHOT', 'BUSY_TIMEOUT', 'try again'],
  ['SQLITE_BUSY_RECOVERY', 'BUSY_TIMEOUT', 'try again'],
  ['SQLITE_BUSY_TIMEOUT', 'BUSY_TIMEOUT', 'try again'],
  ['SQLITE_PROTOCOL', 'BUSY_TIMEOUT', 'try again'],
  ['SQLITE_LOCKED', 'SQL', 'fail'],
  ['SQLITE_FULL', 'DISK_FULL', 'fail'],
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL', 'fail'],
  ['SQLITE_IOERR', 'IO', 'stop writing'],
  ['SQLITE_IOERR_READ', 'IO', 'stop writing'],
  ['SQLITE_IOERR_SHORT_READ', 'IO', 'stop writing'],
  ['SQLITE_IOERR_WRITE', 'IO', 'stop writing'],
  ['SQLITE_IOERR_FSYNC', 'IO', 'stop writing'],
  ['SQLITE_IOERR_SHMMAP', 'IO', 'stop writing'],
  ['SQLITE_IOERR_CORRUPTFS', 'CORRUPT', 'stop writing'],
  ['SQLITE_CORRUPT', 'CORRUPT', 'stop writing'],
  ['SQLITE_CORRUPT_INDEX', 'CORRUPT', 'stop writing'],
  ['SQLITE_NOTADB', 'NOT_A_DATABASE', 'stop writing'],
  ['SQLITE_READONLY', 'READ_ONLY', 'fail'],
  ['SQLITE_READONLY_DIRECTORY', 'READ_ONLY', 'fail'],
  ['SQLITE_READONLY_DBMOVED', 'FILE_REPLACED', 'fail'],
  ['SQLITE_CANTOPEN', 'IO', 'fail'],
  ['SQLITE_CANTOPEN_ISDIR', 'IO', 'fail'],
  ['SQLITE_PERM', 'PERMISSION', 'fail'],
  ['SQLITE_AUTH', 'PERMISSION', 'fail'],
  ['SQLITE_CONSTRAINT_UNIQUE', 'CONSTRAINT', 'fail'],
  ['SQLITE_CONSTRAINT_FOREIGNKEY', 'CONSTRAINT', 'fail'],
  ['SQLITE_TOOBIG', 'SQL', 'fail'],
  ['SQLITE_NOMEM', 'SQL', 'fail'],
  ['SQLITE_MISUSE', 'WRONG_USE', 'fail'],
  ['SQLITE_ERROR', 'SQL', 'fail'],
  ['SQLITE_SOMETHING_NEW', 'SQL', 'fail'],
];

describe('what an error of SQLite means', () => {
  it.each(TABLE)('%s is %s: %s', (code, kind, consequence) => {
    for (const during of ['connect', 'begin', 'statement', 'rollback'] as const) {
      const failure = classifyCode(code, 'some words', during);
      expect(failure).toMatchObject({
        kind,
        busy: consequence === 'try again',
        fences: consequence === 'stop writing',
        lost: false,
      });
      expect(failure.message).toContain(`(${code})`);
      expect(failure.message.length).toBeGreaterThan(code.length + 5);
    }
  });

  it.each(TABLE)('%s at COMMIT leaves the outcome unknown only where all may be in the log by then', (code, kind) => {
    const failure = classifyCode(code, 'some words', 'commit');
    const isOfTheIndex = ['SQLITE_IOERR_SHMSIZE', 'SQLITE_NOMEM'].includes(code);
    const unknown = isOfTheIndex || (kind === 'IO' && !code.startsWith('SQLITE_CANTOPEN'));
    expect(failure.kind).toBe(unknown ? 'OUTCOME_UNKNOWN' : kind);
    if (unknown) expect(failure.fences).toBe(true);
  });

  it('is nothing for an error that is not the engine’s', () => {
    const phases: readonly Phase[] = ['connect', 'begin', 'statement', 'commit', 'rollback'];
    for (const during of phases)
      for (const error of [new Error('SQLITE_BUSY'), { code: 'SQLITE_BUSY' }, 'SQLITE_BUSY', undefined, null])
        expect(classifySqlite(error, during)).toBeUndefined();
    for (const during of phases.filter((phase) => phase !== 'statement'))
      expect(classifySqlite(new TypeError('mine'), during)).toBeUndefined();
  });

  it('is the caller’s mistake when a statement is given the wrong arguments', () => {
    expect(classifySqlite(new TypeError('SQLite3 can only bind numbers'), 'statement')).toMatchObject({
      kind: 'WRONG_USE',
      fences: false,
    });
  });

  it('goes by the code that the engine gave it', () => {
    expect(classifySqlite(new SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC'), 'commit')).toMatchObject({
      kind: 'OUTCOME_UNKNOWN',
      fences: true,
    });
  });
});
