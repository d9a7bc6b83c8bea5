import type { ControlDocument, ControlOutcome, DatabaseChange, ProcessControl } from '../documents/control.ts';
import { duration } from './figures.ts';
import type { Paint, Tone } from './paint.ts';
import { paragraph } from './paragraph.ts';
import { safe } from './safe-text.ts';
import { callSite, table, type Cell, type Column } from './table.ts';

const COLUMNS: readonly Column[] = [
  { head: 'PID', align: 'right' },
  { head: 'APP' },
  { head: 'DATABASE' },
  { head: 'OUTCOME' },
  { head: 'WHAT' },
];
const REVOKED: readonly Column[] = [
  { head: 'PID', align: 'right' },
  { head: 'DATABASE' },
  { head: 'TAKEN FROM' },
  { head: 'HELD', align: 'right' },
  { head: 'LABEL' },
  { head: 'WHERE' },
];
const TONES: Readonly<Record<ControlOutcome, Tone>> = Object.freeze({
  done: 'good',
  failed: 'bad',
  refused: 'bad',
  queued: 'doubtful',
  begun: 'doubtful',
  unknown: 'doubtful',
});

/** Process by process what was done; below, who had a connection taken away, and what stands in the way of the others. */
export function controlText(document: ControlDocument, paint: Paint, width: number): string {
  const { processes } = document;
  if (processes.length === 0) return '';
  const taken = processes.flatMap(({ pid, databases }) => databases.flatMap((one) => takenFrom(pid, one)));
  return [
    table(
      COLUMNS,
      processes.flatMap((process) => rows(document, process)),
      { width, paint },
    ),
    ...(taken.length === 0 ? [] : [`\n${table(REVOKED, taken, { width, paint })}`]),
    ...processes.flatMap((process) => troubleOf(process, width)),
  ].join('');
}

/** What stands in the way of one process, below the table; nothing where nothing does. */
export function troubleOf(
  { pid, reason, blocked_seconds: blocked, blocked_by: by }: Omit<ProcessControl, 'databases'>,
  width: number,
): readonly string[] {
  if (reason === null) return [];
  const { label, statement } = by ?? { label: null, statement: null };
  const inside = label === null ? '' : ` inside "${safe(label)}"`;
  const work = statement === null ? inside : `${inside}: ${safe(statement)}`;
  const since = blocked === null ? '' : ` (blocked for ${duration(blocked)}${work})`;
  return [`\n${paragraph(`process ${pid}: ${safe(reason)}${since}`, width)}`];
}

/** The word for what became of it. */
export function outcomeCell(outcome: ControlOutcome): Cell {
  return { text: outcome, tone: TONES[outcome] };
}

function rows(
  { order }: ControlDocument,
  { pid, app, outcome, databases }: ProcessControl,
): readonly (readonly Cell[])[] {
  const process = [String(pid), safe(app)];
  if (databases.length === 0) return [[...process, safe(order.database ?? 'all'), outcomeCell(outcome), '-']];
  return databases.map((one) => [
    ...process,
    safe(one.database),
    outcomeCell(one.failure === null ? 'done' : 'failed'),
    whatOf(one, order.mode !== null),
  ]);
}

function whatOf(
  { before, after, closed, over_limit: over, revoked, failure }: DatabaseChange,
  isFlush: boolean,
): string {
  if (failure !== null) return safe(failure.code);
  if (isFlush) return `${closed} closed, ${revoked.length} of them in use`;
  const isResized = limitsOf(before) !== limitsOf(after);
  const idle = isResized ? before.live - after.live : 0;
  const parts = [
    before.status === after.status ? [] : `${safe(before.status)} -> ${safe(after.status)}`,
    isResized ? `size ${limitsOf(before)} -> ${limitsOf(after)}` : [],
    idle > 0 ? `${idle} idle closed` : [],
    over === 0 ? [] : `${over} in use beyond it`,
  ].flat();
  return parts.length === 0 ? `as before: ${safe(after.status)}, size ${limitsOf(after)}` : parts.join(', ');
}

function limitsOf({ size, max_overflow: overflow }: DatabaseChange['after']): string {
  return overflow === 0 ? String(size) : `${size}+${overflow}`;
}

function takenFrom(pid: number, { database, revoked }: DatabaseChange): readonly (readonly Cell[])[] {
  return revoked.map(({ kind, held_seconds: held, label, call_site: site }) => [
    String(pid),
    safe(database),
    safe(kind),
    duration(held),
    label === null ? '-' : safe(label),
    callSite(site),
  ]);
}
