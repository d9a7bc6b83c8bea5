import type { DatabaseSnapshot, ServiceSnapshot } from '@hive/shared-db';
import { judge, STUCK_MS, type Verdict } from '@hive/shared-db/health';
import type { DatabaseReport, ProcessReport } from '../documents/monitor.ts';
import { turnsDocument } from '../documents/turns.ts';
import type { Unreachable } from '../inquiry.ts';
import { duration, rate } from '../render/figures.ts';
import type { GridColumn } from '../render/grid.ts';
import { safe } from '../render/safe-text.ts';
import { sparkline } from '../render/sparkline.ts';
import type { Cell } from '../render/table.ts';
import { verdictTone } from '../render/tones.ts';
import { turnsCell } from '../render/turns-text.ts';
import { course, latest, type History } from './history.ts';
import { ASKED_NOBODY, type Look } from './look.ts';
import { poolKey } from './pool-key.ts';
import type { Section, SectionRow } from './section.ts';

/** A wide terminal has room for longer sparklines. */
const WIDE_COLUMNS = 132;
const LONG_SPARKLINE = 20;
const SHORT_SPARKLINE = 10;

/** The bars of acquire times, in seconds: each is several times the one before, so that 100 us and 5 s fit one scale. */
const ACQUIRE_BARS = [0.0001, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

/** Processes that gave no answer stand behind all others, however it is sorted. */
const LAST = -1;
const LAST_WORD = '\u{10ffff}';

function columns(length: number): readonly GridColumn[] {
  return [
    { head: 'APP', least: 12, rank: 1 },
    { head: 'PID', align: 'right', least: 5, rank: 2 },
    { head: 'DATABASE', least: 12, rank: 0 },
    { head: 'HEALTH', least: 10, rank: 5 },
    { head: 'USED', align: 'right', least: 4, rank: 3 },
    { head: 'IDLE', align: 'right', least: 4, rank: 6 },
    { head: 'WAIT', align: 'right', least: 4, rank: 4 },
    { head: 'SIZE', align: 'right', least: 4, rank: 7 },
    { head: 'USE', least: length, rank: 8 },
    { head: 'ACQUIRE', align: 'right', least: 7, rank: 9 },
    { head: '', least: length, rank: 10 },
    { head: 'READS', align: 'right', least: 7, rank: 11 },
    { head: 'WRITES', align: 'right', least: 7, rank: 12 },
    { head: 'ERRORS', align: 'right', least: 7, rank: 13 },
    { head: 'COMMIT', align: 'right', least: 7, rank: 14 },
    { head: 'TURNS', least: 7, rank: 15 },
  ];
}

/** A row for each process and database: who has how many connections, and how that went over the last minutes. Pure. */
export function poolsSection(look: Look, histories: ReadonlyMap<string, History>, width: number): Section {
  const length = width >= WIDE_COLUMNS ? LONG_SPARKLINE : SHORT_SPARKLINE;
  const rows = look.monitor.processes.flatMap((process, index) => {
    const snapshot = look.inquiry.answered[index]?.snapshot;
    if (snapshot === undefined) return [];
    const { reasons } = judge(snapshot);
    return process.databases.map((report, at) => {
      const history =
        histories.get(poolKey({ ...process, startedAt: snapshot.startedAt, database: report.name })) ?? [];
      const database = snapshot.databases[at];
      return poolRow({ process, report, snapshot, database, reasons, history, at: look.at, length });
    });
  });
  return {
    columns: columns(length),
    orders: ['app', 'use', 'waiting', 'acquire time', 'database'],
    rows: [...rows, ...look.inquiry.unreachable.map((one) => unreachableRow(one))],
    nothing: look.monitor.files === undefined ? 'no process with an open database service' : ASKED_NOBODY,
  };
}

type Reasons = Verdict['reasons'];

interface PoolSight {
  readonly process: ProcessReport;
  readonly report: DatabaseReport;
  readonly snapshot: ServiceSnapshot;
  readonly database: DatabaseSnapshot | undefined;
  readonly reasons: Reasons;
  readonly history: History;
  readonly at: number;
  readonly length: number;
}

function poolRow({ process, report, snapshot, database, reasons, history, at, length }: PoolSight): SectionRow {
  const { name, pool, lane, utilisation_ratio: use, rates, commits } = report;
  const waiting = pool.waiting + lane.waiting;
  const acquire = latest(history, ({ acquireSeconds }) => acquireSeconds);
  const uses = course(history, at, length, (sample) => sample.use);
  const acquires = course(history, at, length, ({ acquireSeconds }) => acquireLevel(acquireSeconds));
  return {
    cells: [
      safe(process.app),
      String(process.pid),
      safe(name),
      health(database, snapshot, reasons),
      { text: String(pool.in_use), tone: (use ?? 0) >= 1 ? 'bad' : 'strong' },
      String(pool.idle),
      waiting > 0 ? { text: String(waiting), tone: 'doubtful' } : '0',
      pool.max_overflow > 0 ? `${pool.size}+${pool.max_overflow}` : String(pool.size),
      sparkline(uses),
      duration(acquire),
      sparkline(acquires),
      rate(rates.reads_per_second),
      rate(rates.writes_per_second),
      rate(rates.errors_per_second),
      duration(commits.late_commit_seconds),
      turnsCell(turnsDocument(database?.turns)),
    ],
    ranks: [process.app, use ?? 0, waiting, acquire ?? 0, name],
  };
}

/** The verdict on a database: what is wrong with it, and with its process as a whole, but not with others. */
function health(database: DatabaseSnapshot | undefined, { eventLoop }: ServiceSnapshot, reasons: Reasons): Cell {
  if (eventLoop.blockedMs >= STUCK_MS) return { text: `stuck ${duration(eventLoop.blockedMs / 1_000)}`, tone: 'bad' };
  if (database === undefined) return '-';
  if (database.status !== 'open') return { text: safe(database.status), tone: 'bad' };
  const own = reasons.filter(({ database: name }) => name === undefined || name === database.name);
  const status = own.some((reason) => reason.status === 'fail') ? 'fail' : own.length > 0 ? 'warn' : 'pass';
  return { text: status, tone: verdictTone(status) };
}

function unreachableRow({ pid, reason, state }: Unreachable): SectionRow {
  const figures = Array.from({ length: 12 }, () => '');
  return {
    cells: ['?', String(pid), { text: safe(reason), tone: 'doubtful' }, { text: state, tone: 'bad' }, ...figures],
    ranks: [LAST_WORD, LAST, LAST, LAST, LAST_WORD],
  };
}

/** How high the bar of an acquire time is, 0 to 1. */
function acquireLevel(seconds: number | null): number | null {
  if (seconds === null) return null;
  return (ACQUIRE_BARS.filter((bar) => seconds > bar).length + 1) / (ACQUIRE_BARS.length + 1);
}
