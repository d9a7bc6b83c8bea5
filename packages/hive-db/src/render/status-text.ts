import type {
  DatabaseGauges,
  FileStatus,
  HealthSummary,
  LaneGauges,
  PoolGauges,
  ProcessStatus,
  StatusDocument,
} from '../documents/status.ts';
import { budgetsText } from './budgets-text.ts';
import { duration } from './figures.ts';
import { fileText } from './file-text.ts';
import { grid, type GridColumn } from './grid.ts';
import { lastingText } from './lasting-text.ts';
import { lineText } from './line.ts';
import { troubledOffloadText } from './offload-text.ts';
import { onDemandText } from './on-demand-text.ts';
import type { Paint } from './paint.ts';
import { paragraph } from './paragraph.ts';
import { processHeading } from './process-heading.ts';
import { safe } from './safe-text.ts';
import type { Cell } from './table.ts';
import { statedSettingsText } from './stated-settings-text.ts';
import { statusCell, verdictTone } from './tones.ts';
import { troubleText } from './trouble-text.ts';
import { turnsCell } from './turns-text.ts';

const COLUMNS: readonly GridColumn[] = [
  { head: 'DATABASE', least: 12, rank: 0 },
  { head: 'DRIVER', least: 6, rank: 8 },
  { head: 'STATUS', least: 6, rank: 1 },
  { head: 'IN USE', align: 'right', least: 6, rank: 2 },
  { head: 'IDLE', align: 'right', least: 4, rank: 7 },
  { head: 'WAITING', align: 'right', least: 7, rank: 3 },
  { head: 'QUEUED', align: 'right', least: 6, rank: 4 },
  { head: 'TURNS', least: 7, rank: 6 },
  { head: 'WRITING', least: 24, rank: 5 },
];
const INDENT = '  ';

/** Where everything stands: one table, a list for each database file. Other files are messages, not data. */
export function statusText(document: StatusDocument, paint: Paint, width: number): string {
  const { processes, files = [], taken_at: takenAt } = document;
  return [
    ...(takenAt === undefined
      ? []
      : [`as it was at ${paint('strong', safe(takenAt ?? 'a time that is not known'))}\n`]),
    ...(processes.length === 0 ? [] : [processesText(processes, paint, width)]),
    ...files
      .filter((file) => file.state === 'database')
      .map((file) => fileText(file, paint, width) + faults(file, paint, width)),
  ].join('\n');
}

/** How much of a pool is in use: `1 of 4`, and `5 of 4+4` where it may overflow. */
export function inUse({ in_use: used, size, max_overflow: overflow }: PoolGauges): string {
  return overflow === 0 ? `${used} of ${size}` : `${used} of ${size}+${overflow}`;
}

/** A line for each process, and below it one for each of its databases, in columns that are the same for all. */
function processesText(processes: readonly ProcessStatus[], paint: Paint, width: number): string {
  const cells = processes.flatMap(({ databases }) => databases.map(row));
  const { head, rows } = grid(COLUMNS, cells, width - INDENT.length);
  let next = 0;
  const blocks = processes.map((process) => {
    const heading = `${processHeading(process, paint)}${served(process)}\n`;
    const own = process.databases.map((database) => {
      const line = lineText(rows[next++] ?? [], paint);
      return INDENT + line + budgetsText(database.pool, width) + note(troubleText(database), width);
    });
    const notes = [
      ...(process.on_demand ?? []).map((one) => onDemandText(one)),
      ...(process.offload === null ? [] : troubledOffloadText(process.offload)),
    ].map((one) => paragraph(one, width, INDENT));
    notes.push(...statedSettingsText(process, width, INDENT));
    notes.push(...process.health.reasons.map((reason) => reasonLine(reason, paint)));
    return `${heading}${own.length === 0 ? `${INDENT}no databases\n` : own.join('')}${notes.join('')}`;
  });
  return `${rows.length === 0 ? '' : INDENT + lineText(head, paint)}${blocks.join('')}`;
}

/** `warn  orders: saturated  for 3 min (since ...)`: which, and since when; not why, which is the matter of another verb. */
function reasonLine(reason: HealthSummary['reasons'][number], paint: Paint): string {
  const { status, code, database } = reason;
  const where = database === null ? '' : `${safe(database)}: `;
  return `${INDENT}${paint(verdictTone(status), status)}  ${where}${safe(code)}${lastingText(reason)}\n`;
}

/** What is wrong with a file: of that no other process tells. */
function faults({ health: { reasons } }: FileStatus, paint: Paint, width: number): string {
  return reasons
    .map(({ status, code, evidence }) => {
      const line = paragraph(`${status}  ${safe(code)}: ${safe(evidence)}`, width, INDENT);
      return line.replace(status, paint(verdictTone(status), status));
    })
    .join('');
}

/** More than has room in a table, below its row; nothing where there is none. */
function note(sentence: string | undefined, width: number): string {
  return sentence === undefined ? '' : paragraph(sentence, width, INDENT.repeat(2));
}

/** Where its health is to be had, as a browser spells it. */
function served({ http }: ProcessStatus): string {
  if (http === undefined) return '';
  const host = safe(http.host);
  return `  http://${host.includes(':') ? `[${host}]` : host}:${http.port}`;
}

function row({ name, driver, status, pool, lane, turns }: DatabaseGauges): readonly Cell[] {
  const figures = [pool.idle, pool.waiting, lane.waiting].map(String);
  return [safe(name), safe(driver), statusCell(status), inUse(pool), ...figures, turnsCell(turns), writing(lane)];
}

/** For how long somebody holds the writer, whether it has to wait, and who; a dash while nobody does. Where it is cut, a label is. */
export function writing({ running, writer }: LaneGauges): string {
  if (writer !== null)
    return `${writer.waits_for_lock ? 'waits ' : ''}${duration(writer.held_seconds)}, ${safe(writer.label)}`;
  return running > 0 ? 'somebody unnamed' : '-';
}
