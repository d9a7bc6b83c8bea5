import type { DatabaseGauges, LaneGauges, PoolGauges, ProcessStatus, StatusDocument } from '../documents/status.ts';
import { duration } from './figures.ts';
import { fileText } from './file-text.ts';
import type { Paint } from './paint.ts';
import { processHeading } from './process-heading.ts';
import { safe } from './safe-text.ts';
import { table, type Cell, type Column } from './table.ts';
import { statusCell } from './tones.ts';

const COLUMNS: readonly Column[] = [
  { head: 'DATABASE' },
  { head: 'DRIVER' },
  { head: 'STATUS' },
  { head: 'IN USE', align: 'right' },
  { head: 'IDLE', align: 'right' },
  { head: 'WAITING', align: 'right' },
  { head: 'QUEUED', align: 'right' },
  { head: 'WRITING' },
];

/** Where everything stands: one table, a list for each database file. Other files are messages, not data. */
export function statusText(document: StatusDocument, paint: Paint, width: number): string {
  const { processes, files = [], taken_at: takenAt } = document;
  return [
    ...(takenAt === undefined
      ? []
      : [`as it was at ${paint('strong', safe(takenAt ?? 'a time that is not known'))}\n`]),
    ...(processes.length === 0 ? [] : [processesText(processes, paint, width)]),
    ...files.filter((file) => file.state === 'database').map((file) => fileText(file, paint, width)),
  ].join('\n');
}

/** How much of a pool is in use: `1 of 4`, and `5 of 4+4` where it may overflow. */
export function inUse({ in_use: used, size, max_overflow: overflow }: PoolGauges): string {
  return overflow === 0 ? `${used} of ${size}` : `${used} of ${size}+${overflow}`;
}

/** A line for each process, and below it one for each of its databases, in columns that are the same for all. */
function processesText(processes: readonly ProcessStatus[], paint: Paint, width: number): string {
  const rows = processes.flatMap(({ databases }) => databases.map(row));
  const [head, ...lines] = table(COLUMNS, rows, { width, paint, indent: '  ' }).split(/(?<=\n)/);
  const blocks = processes.map((process) => {
    const heading = `${processHeading(process, paint)}${served(process)}\n`;
    const own = lines.splice(0, process.databases.length).join('');
    return `${heading}${own || '  no databases\n'}`;
  });
  return `${rows.length === 0 ? '' : head}${blocks.join('')}`;
}

/** Where its health is to be had, as a browser spells it. */
function served({ http }: ProcessStatus): string {
  if (http === undefined) return '';
  const host = safe(http.host);
  return `  http://${host.includes(':') ? `[${host}]` : host}:${http.port}`;
}

function row({ name, driver, status, pool, lane }: DatabaseGauges): readonly Cell[] {
  const figures = [pool.idle, pool.waiting, lane.waiting].map(String);
  return [safe(name), safe(driver), statusCell(status), inUse(pool), ...figures, writing(lane)];
}

/** For how long somebody holds the writer, whether it has to wait, and who; a dash while nobody does. Where it is cut, a label is. */
export function writing({ running, writer }: LaneGauges): string {
  if (writer !== null)
    return `${writer.waits_for_lock ? 'waits ' : ''}${duration(writer.held_seconds)}, ${safe(writer.label)}`;
  return running > 0 ? 'somebody unnamed' : '-';
}
