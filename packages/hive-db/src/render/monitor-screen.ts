import type { MonitorDocument, ProcessReport } from '../documents/monitor.ts';
import { cells, cut } from './cells.ts';
import { count, duration, percent, rate } from './figures.ts';
import type { Paint } from './paint.ts';
import { safe } from './safe-text.ts';
import { table, type Cell, type Column } from './table.ts';
import { SEVERITY_TONES, verdictTone } from './tones.ts';

export interface ScreenOptions {
  readonly paint: Paint;
  readonly width: number;
  readonly height: number;
  /** How long until it is drawn again. */
  readonly intervalMs: number;
}

const COLUMNS: readonly Column[] = [
  { head: 'APP' },
  { head: 'PID', align: 'right' },
  { head: 'DATABASE' },
  { head: 'HEALTH' },
  { head: 'USE', align: 'right' },
  { head: 'WAIT', align: 'right' },
  { head: 'ACQ p95', align: 'right' },
  { head: 'READS', align: 'right' },
  { head: 'WRITES', align: 'right' },
  { head: 'ERRORS', align: 'right' },
];
/** Lines that remarks may take from the table at least. */
const REMARK_LINES = 4;

/** One look at everything, as at most `height` lines of at most `width` cells. Pure. */
export function monitorScreen(document: MonitorDocument, options: ScreenOptions): readonly string[] {
  const { paint, width, height, intervalMs } = options;
  const { processes, unreachable = [] } = document;
  const silent = unreachable.length === 0 ? '' : `, ${unreachable.length} without an answer`;
  const title = `hive-db monitor: ${count(processes.length, 'process', 'processes')}${silent}; every ${duration(intervalMs / 1_000)}, Ctrl-C ends it`;

  const rows = processes.flatMap((process) => rowsOf(process));
  const room = Math.max(0, height - 2);
  const body =
    rows.length === 0
      ? ['no process with an open database service']
      : table(COLUMNS, rows, { width, paint }).trimEnd().split('\n');
  const remarks = processes.flatMap((process) => remarksOf(process, options));
  const shown = limited(body, Math.max(room - Math.min(remarks.length, REMARK_LINES) - 1, 1));
  const left = room - shown.length - 1;
  const lines = [
    paint('strong', cut(title, width)),
    '',
    ...shown,
    ...(left > 0 && remarks.length > 0 ? ['', ...limited(remarks, left)] : []),
  ];
  return lines.slice(0, Math.max(height, 1));
}

function rowsOf({ app, pid, status, databases }: ProcessReport): readonly (readonly Cell[])[] {
  const health: Cell = { text: status, tone: verdictTone(status) };
  return databases.map((database) => [
    safe(app),
    String(pid),
    safe(database.name),
    health,
    percent(database.utilisation_ratio),
    String(database.pool.waiting + database.lane.waiting),
    duration(database.acquire_seconds.p95),
    rate(database.rates.reads_per_second),
    rate(database.rates.writes_per_second),
    rate(database.rates.errors_per_second),
  ]);
}

function remarksOf({ app, analysis }: ProcessReport, { paint, width }: ScreenOptions): readonly string[] {
  return analysis.map(({ severity, database, evidence }) => {
    const text = `${safe(app)}${database === null ? '' : ` ${safe(database)}`}: ${safe(evidence)}`;
    return `${paint(SEVERITY_TONES[severity], severity)} ${cut(text, width - cells(severity) - 1)}`;
  });
}

/** The first lines, and a word on how many are left out. */
function limited(lines: readonly string[], most: number): readonly string[] {
  if (lines.length <= most) return lines;
  return [...lines.slice(0, Math.max(0, most - 1)), `... and ${lines.length - most + 1} more`];
}
