import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Analyses } from '../../dist/checkpoints/analyses.js';
import type { CheckpointedLog } from '../../dist/checkpoints/checkpointed-log.js';
import { SqliteError } from '../../dist/sqlite/engine.js';
import { keptLog, type KeptLog } from '../support/kept-log.ts';

const MINUTE = 60_000;

const SCHEMA = 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX by_name ON item (name)';
const ROWS =
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO item SELECT i, 'x' || i FROM n";

/** A log that is kept from its beginning. */
function kept(): KeptLog {
  const log = keptLog(SCHEMA, ROWS);
  log.board.wake();
  log.begin();
  return log;
}

/** So much time passes, in which somebody commits every half a second. */
async function writeFor({ board, clock }: KeptLog, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    if (board.commit()) board.wake();
    await turn();
    await clock.advance(500);
  }
}

/** The rows that the planner was told the table has. */
function analysedRows({ writer }: KeptLog): number | undefined {
  if (writer.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").get() === undefined) return undefined;
  const stat = writer.prepare("SELECT stat FROM sqlite_stat1 WHERE tbl = 'item'").pluck().get();
  return typeof stat === 'string' ? Number.parseInt(stat, 10) : undefined;
}

describe('a database that is always written', () => {
  it('gets statistics for the planner after a minute', async () => {
    await using log = kept();
    await writeFor(log, MINUTE - 1_000);
    expect(analysedRows(log)).toBeUndefined();
    await writeFor(log, 2_000);
    expect(analysedRows(log)).toBe(100);
  });

  it('gets them at the first moment at which nobody has the lock', async () => {
    await using log = kept();
    log.writer.exec('BEGIN IMMEDIATE');
    await writeFor(log, MINUTE + 1_000);
    log.writer.exec('COMMIT');
    expect(analysedRows(log)).toBeUndefined();
    await writeFor(log, 1_000);
    expect(analysedRows(log)).toBe(100);
  });
});

describe('a database whose statistics are due while somebody has the lock', () => {
  it('is asked again a moment later, and nobody is told of a failure', () => {
    const told: string[] = [];
    const analyses = new Analyses(({ kind }) => {
      told.push(kind);
    });
    let isLocked = true;
    const analysed: string[] = [];
    const log = {
      analysesDue: () => {
        if (isLocked) throw new SqliteError('database is locked', 'SQLITE_BUSY');
        return ['ANALYZE item'];
      },
      analyse: (statement: string) => {
        analysed.push(statement);
      },
    } as unknown as CheckpointedLog;
    expect(analyses.next(log, 1, 0)).toBe(1_000);
    isLocked = false;
    for (let now = 1_000; analyses.next(log, 1, now) === 0; now++) expect(now).toBeLessThan(1_010);
    expect(analysed).toEqual(['ANALYZE item']);
    expect(told).toEqual(['analysed']);
  });
});
