import type { DatabaseSnapshot, LeaseSnapshot, ServiceSnapshot } from '@hive/shared-db';
import { STUCK_MS, suspectedLeaks } from '@hive/shared-db/health';
import type { Answered } from '../inquiry.ts';
import { duration } from '../render/figures.ts';
import type { GridColumn } from '../render/grid.ts';
import { safe } from '../render/safe-text.ts';
import { ASKED_NOBODY, type Look } from './look.ts';
import type { Section, SectionRow } from './section.ts';

const COLUMNS: readonly GridColumn[] = [
  { head: 'TIME', align: 'right', least: 7, rank: 1 },
  { head: 'KIND', least: 11, rank: 3 },
  { head: 'LABEL', least: 16, rank: 0 },
  { head: 'APP', least: 12, rank: 2 },
  { head: 'PID', align: 'right', least: 5, rank: 4 },
  { head: 'DATABASE', least: 12, rank: 5 },
  { head: 'CALL SITE', keep: 'end', least: 20, rank: 6 },
  { head: 'STATEMENT', least: 20, rank: 7 },
];

/** A statement that was slow is shown for so long: it tells what happened just now. */
const NEWS_MS = 60_000;

/**
 * A row for everything that is going on: connections on loan and for how long, main threads that do one thing for long, and what was
 * slow just now and how long it took. Pure.
 */
export function activitySection({ at, inquiry, monitor }: Look): Section {
  return {
    columns: COLUMNS,
    orders: ['time', 'label', 'app', 'database'],
    rows: inquiry.answered.flatMap((process) => [
      ...stuckRows(process),
      ...process.snapshot.databases.flatMap((database) => [
        ...leaseRows(process, database),
        ...slowRows(process, database, at),
      ]),
    ]),
    nothing: monitor.files === undefined ? 'nobody has a connection' : ASKED_NOBODY,
  };
}

function leaseRows({ pid, snapshot }: Answered, { name, lane, leases }: DatabaseSnapshot): readonly SectionRow[] {
  const overdue = new Set(suspectedLeaks(leases));
  return leases.map((lease) => {
    const { owner = '-', ageMs, acquiredAt = '', use } = lease;
    const age = duration(ageMs / 1_000);
    return {
      cells: [
        overdue.has(lease) ? { text: age, tone: 'bad' } : age,
        use === 'write' ? { text: kindOf(lease, lane), tone: 'strong' } : kindOf(lease, lane),
        safe(owner),
        safe(snapshot.app),
        String(pid),
        safe(name),
        { text: safe(acquiredAt), tone: 'faint' },
        '',
      ],
      ranks: [ageMs, owner, snapshot.app, name],
    };
  });
}

function slowRows({ pid, snapshot }: Answered, database: DatabaseSnapshot, now: number): readonly SectionRow[] {
  const news = database.slowStatements.filter(({ at }) => now - at <= NEWS_MS);
  return news.map(({ statement, label = '-', ms, at }) => ({
    cells: [
      duration(ms / 1_000),
      { text: 'was slow', tone: 'doubtful' },
      safe(label),
      safe(snapshot.app),
      String(pid),
      safe(database.name),
      `${duration(Math.max(0, now - at) / 1_000)} ago`,
      safe(statement),
    ],
    ranks: [ms, label, snapshot.app, database.name],
  }));
}

function stuckRows({ pid, snapshot }: Answered): readonly SectionRow[] {
  const { blockedMs, label = '-', statement = '' } = snapshot.eventLoop;
  if (blockedMs < STUCK_MS) return [];
  return [
    {
      cells: [
        { text: duration(blockedMs / 1_000), tone: 'bad' },
        { text: 'stuck', tone: 'bad' },
        safe(label),
        safe(snapshot.app),
        String(pid),
        databaseOf(snapshot),
        '',
        safe(statement),
      ],
      ranks: [blockedMs, label, snapshot.app, ''],
    },
  ];
}

/** The main thread belongs to all databases of a process: only of a single one can it be said which it serves. */
function databaseOf({ databases: [only, ...others] }: ServiceSnapshot): string {
  return only === undefined || others.length > 0 ? '-' : safe(only.name);
}

/** Who has said how long it takes has a session, or a transaction where it writes. Without the lock of the database it waits for that. */
function kindOf({ allowedMs, use }: LeaseSnapshot, { writer }: DatabaseSnapshot['lane']): string {
  if (use === 'write' && writer !== undefined && writer.lockedMs === undefined) return 'waiting';
  if (use === 'write') return allowedMs === undefined ? 'write' : 'transaction';
  return allowedMs === undefined ? 'read' : 'session';
}
