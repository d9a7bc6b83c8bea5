import type { ChangedSetting, ProcessReload, ReloadDocument } from '../documents/reload.ts';
import { outcomeCell, troubleOf } from './control-text.ts';
import type { Paint } from './paint.ts';
import { paragraph } from './paragraph.ts';
import { safe } from './safe-text.ts';
import { table, type Cell, type Column } from './table.ts';

const COLUMNS: readonly Column[] = [
  { head: 'PID', align: 'right' },
  { head: 'APP' },
  { head: 'OUTCOME' },
  { head: 'SETTING' },
  { head: 'WAS' },
  { head: 'IS' },
  { head: 'EFFECT' },
  { head: 'FROM' },
];
/** A problem names a path and a value. */
const LONGEST_PROBLEM = 1_000;

/** What changed in each process, and why nothing did in the others. */
export function reloadText({ processes }: ReloadDocument, paint: Paint, width: number): string {
  if (processes.length === 0) return '';
  return [
    table(COLUMNS, processes.flatMap(rows), { width, paint }),
    ...processes.flatMap((process) => [
      ...troubleOf(process, width),
      ...(process.settings?.problems ?? []).map((problem) => paragraph(safe(problem, LONGEST_PROBLEM), width, '  ')),
    ]),
  ].join('');
}

function rows({ pid, app, outcome, settings }: ProcessReload): readonly (readonly Cell[])[] {
  const process = [String(pid), safe(app), outcomeCell(outcome)];
  const changes = settings?.changes ?? [];
  if (changes.length > 0) return changes.map((change) => [...process, ...cells(change)]);
  return [[...process, settings?.outcome === 'unchanged' ? 'nothing has changed' : '-', '', '', '', '']];
}

function cells({ key, from, to, to_origin: origin, effect }: ChangedSetting): readonly Cell[] {
  const isApplied = effect === 'applied';
  return [
    // Which setting it is stands at its end.
    { text: safe(key), keep: 'end' },
    from === '' ? '-' : safe(from),
    to === '' ? '-' : safe(to),
    isApplied ? { text: 'applied', tone: 'good' } : { text: 'needs a restart', tone: 'doubtful' },
    { text: safe(origin), keep: 'end' },
  ];
}
