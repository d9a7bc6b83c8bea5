import { describe, expect, it } from 'vitest';
import { DatabaseError, ERROR_CODES, isKind } from '@hive/shared-db';

const RETRYABLE = [
  'POOL_TIMEOUT',
  'POOL_SUSPENDED',
  'OVERLOADED',
  'BUSY_TIMEOUT',
  'TURN_TIMEOUT',
  'CONNECTION_LOST',
  'SERVER_UNAVAILABLE',
  'SERIALIZATION',
];

describe('an error of the database layer', () => {
  it('says in one sentence where, what and what to do', () => {
    const cause = new Error('the disk said so');
    const error = new DatabaseError('IO', 'reading failed', {
      database: 'orders',
      label: 'list items',
      cause,
      advice: 'look at the disk',
      culprits: [{ pid: 7, command: 'vi' }],
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'DatabaseError',
      code: 'HIVEDB_E_IO',
      kind: 'IO',
      message: 'database orders, "list items": reading failed; look at the disk',
      database: 'orders',
      label: 'list items',
      advice: 'look at the disk',
      cause,
      culprits: [{ pid: 7, command: 'vi' }],
    });
    expect(new DatabaseError('IO', 'reading failed').message).toBe('reading failed');
    expect(new DatabaseError('IO', 'reading failed', { label: 'x' }).message).toBe('"x": reading failed');
    expect('cause' in new DatabaseError('IO', 'reading failed')).toBe(false);
  });

  it.each(ERROR_CODES)('is retryable only when nobody has to do anything first: %s', (kind) => {
    const error = new DatabaseError(kind, 'something');
    expect(error.retryable).toBe(RETRYABLE.includes(kind));
    expect(error.code).toBe(`HIVEDB_E_${kind}`);
    expect(error.kind).toBe(kind);
  });

  it('numbers what can be done, in the order in which to try it, and says where there is more to read', () => {
    const error = new DatabaseError('BUSY_TIMEOUT', 'no lock', { database: 'orders', advice: ['look', 'wait longer'] });
    expect(error.message).toBe(
      'database orders: no lock; 1. look; 2. wait longer (docs/errors.md#hivedb_e_busy_timeout)',
    );
    expect(error.advice).toBe('1. look; 2. wait longer (docs/errors.md#hivedb_e_busy_timeout)');
    expect(new DatabaseError('BUSY_TIMEOUT', 'no lock').advice).toBeUndefined();
  });

  it.each(ERROR_CODES)('names its section in the documents: %s', (kind) => {
    expect(new DatabaseError(kind, 'something').documentation).toBe(`docs/errors.md#hivedb_e_${kind.toLowerCase()}`);
  });

  it('keeps who waited before', () => {
    const waiters = [{ pid: 7, app: 'importer', label: 'import', waitMs: 12 }];
    const error = new DatabaseError('BUSY_TIMEOUT', 'no lock', { waiters });
    expect(error.waiters).toEqual(waiters);
    expect(Object.isFrozen(error.waiters)).toBe(true);
    expect(error.at('orders', 'save').waiters).toEqual(waiters);
  });

  it('is told from others by its kind', () => {
    const error: unknown = new DatabaseError('IO', 'reading failed');
    expect(isKind(error, 'IO')).toBe(true);
    expect(isKind(error, 'CORRUPT', 'IO')).toBe(true);
    expect(isKind(error, 'CORRUPT')).toBe(false);
    for (const other of [undefined, null, 'IO', new Error('IO'), { kind: 'IO', code: 'HIVEDB_E_IO' }])
      expect(isKind(other, 'IO')).toBe(false);
  });

  it('says where it happened when it is told, and never twice', () => {
    const error = new DatabaseError('SQL', 'no such table', { advice: 'create it' });
    const placed = error.at('orders', 'list');
    expect(placed.message).toBe('database orders, "list": no such table; create it');
    expect(placed.at('events', 'other')).toBe(placed);
  });
});
