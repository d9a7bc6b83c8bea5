import type { Finding } from '../analysis/finding.ts';
import type {
  DatabaseReport,
  LeakSuspect,
  MonitorDocument,
  MonitoredFile,
  ProcessReport,
} from '../documents/monitor.ts';
import { duration, percent, rate, size } from './figures.ts';
import { fileText } from './file-text.ts';
import { remarkText } from './findings-text.ts';
import type { Paint } from './paint.ts';
import { paragraph } from './paragraph.ts';
import { offloadText } from './offload-text.ts';
import { processHeading } from './process-heading.ts';
import { safe, safePath } from './safe-text.ts';
import { inUse, writing } from './status-text.ts';
import { table, type Cell, type Column } from './table.ts';
import { verdictTone } from './tones.ts';

const COLUMNS: readonly Column[] = [
  { head: 'DATABASE' },
  { head: 'IN USE', align: 'right' },
  { head: 'USE', align: 'right' },
  { head: 'ACQUIRE p50', align: 'right' },
  { head: 'p95', align: 'right' },
  { head: 'p99', align: 'right' },
  { head: 'OPENED', align: 'right' },
  { head: 'WAL', align: 'right' },
];
const COMMIT_COLUMNS: readonly Column[] = [
  { head: 'DATABASE' },
  { head: 'GROUPS', align: 'right' },
  { head: 'WRITES EACH', align: 'right' },
  { head: 'COMMIT p50', align: 'right' },
  { head: 'p95', align: 'right' },
  { head: 'p99', align: 'right' },
  { head: 'LATELY p99', align: 'right' },
];
/** Kinds of errors and suspects that a report names; `--json` has all. */
const NAMED = 5;

/**
 * The whole report: use, times, errors, suspected leaks and what stands out, for each process and database; what it is and what stands
 * out for each file.
 */
export function monitorText({ processes, files = [] }: MonitorDocument, paint: Paint, width: number): string {
  return [
    ...processes.map((process) => processText(process, paint, width)),
    ...files.flatMap((file) => monitoredText(file, paint, width)),
  ].join('\n');
}

/** Nothing of what is no database and was none: that is a message, not data. */
function monitoredText(file: MonitoredFile, paint: Paint, width: number): string | [] {
  if (file.status === null) return [];
  const verdict = `  ${paint(verdictTone(file.status), file.status)}`;
  const heading =
    file.state === 'database' ? fileText(file, paint, width, verdict) : `${safePath(file.path)}${verdict}\n`;
  return heading + analysisText(file.analysis, paint, width);
}

function processText(process: ProcessReport, paint: Paint, width: number): string {
  const { databases, analysis, status, offload } = process;
  const heading = `${processHeading(process, paint)}  ${paint(verdictTone(status), status)}\n`;
  const use = table(COLUMNS, databases.map(useRow), { width, paint, indent: '  ' });
  return [
    heading,
    databases.length === 0 ? '  no databases\n' : use,
    commits(databases, paint, width),
    section('activity', databases.map(activity), width),
    section('offload', offloadText(offload), width),
    section('errors', databases.flatMap(errors), width),
    section('suspected leaks', databases.flatMap(suspects), width),
    analysisText(analysis, paint, width),
  ].join('');
}

function analysisText(analysis: readonly Finding[], paint: Paint, width: number): string {
  const remarks = analysis.map((one) => remarkText(one, paint, width, '    '));
  return `  analysis\n${remarks.length === 0 ? '    nothing stands out\n' : remarks.join('')}`;
}

function useRow(database: DatabaseReport): readonly Cell[] {
  const { name, pool, utilisation_ratio: ratio, acquire_seconds: acquire, rates, wal_size_bytes: wal } = database;
  const times = [acquire.p50, acquire.p95, acquire.p99].map((seconds) => duration(seconds));
  return [safe(name), inUse(pool), percent(ratio), ...times, rate(rates.connections_opened_per_second), size(wal)];
}

/** How large groups of writes are and how long they take, where there were any. */
function commits(databases: readonly DatabaseReport[], paint: Paint, width: number): string {
  const rows = databases.filter((one) => one.commits.groups > 0).map((one) => commitRow(one));
  return rows.length === 0 ? '' : `  commits\n${table(COMMIT_COLUMNS, rows, { width, paint, indent: '    ' })}`;
}

function commitRow({
  name,
  commits: { groups, writes, commit_seconds: took, late_commit_seconds: late },
}: DatabaseReport): readonly Cell[] {
  const times = [took.p50, took.p95, took.p99, late].map((seconds) => duration(seconds));
  return [safe(name), String(groups), (writes / groups).toFixed(1), ...times];
}

function activity({ name, lane, rates, totals }: DatabaseReport): string {
  const { reads_per_second: reads, writes_per_second: writes } = rates;
  const { rolled_back: rolledBack, busy, acquire_timeouts: timeouts } = totals;
  const counts = `${rolledBack} rolled back, ${busy} found the lock taken, ${timeouts} timed out`;
  const doing = lane.writer?.waits_for_lock === true ? 'first in line for the write lock' : 'writing now';
  const now = lane.running > 0 ? `; ${doing}: ${writing(lane)}` : '';
  return `${safe(name)}: reads ${rate(reads)}, writes ${rate(writes)}; ${counts}${now}`;
}

function errors({ name, errors: kinds }: DatabaseReport): readonly string[] {
  const found = Object.entries(kinds).filter(([, number]) => number > 0);
  if (found.length === 0) return [];
  const named = found.slice(0, NAMED).map(([code, number]) => `${safe(code)} ${number}`);
  return [`${safe(name)}: ${named.join(', ')}${more(found)}`];
}

function suspects({ name, leak_suspects: found }: DatabaseReport): readonly string[] {
  if (found.length === 0) return [];
  const named = found.slice(0, NAMED).map((one) => suspect(one));
  return [`${safe(name)}: ${named.join(', ')}${more(found)}`];
}

function suspect({ label, age_seconds: age, acquired_at: place }: LeakSuspect): string {
  const who = label === null ? 'somebody unnamed' : `"${safe(label)}"`;
  return `${who} for ${duration(age)}${place === null ? '' : `, acquired at ${safe(place)}`}`;
}

function more(found: readonly unknown[]): string {
  return found.length > NAMED ? `, and ${found.length - NAMED} more` : '';
}

function section(title: string, sentences: readonly string[], width: number): string {
  if (sentences.length === 0) return '';
  return `  ${title}\n${sentences.map((sentence) => paragraph(sentence, width, '    ')).join('')}`;
}
