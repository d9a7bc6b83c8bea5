import type { ActivityDocument, PsDocument } from '../documents/ps.ts';
import { duration } from './figures.ts';
import type { Paint } from './paint.ts';
import { safe } from './safe-text.ts';
import { callSite, table, type Cell, type Column } from './table.ts';

const COLUMNS: readonly Column[] = [
  { head: 'PID', align: 'right' },
  { head: 'APP' },
  { head: 'DATABASE' },
  { head: 'KIND' },
  { head: 'AGE', align: 'right' },
  { head: 'LABEL' },
  { head: 'WHERE' },
];

/** One line for each activity; nothing at all where nobody does anything. */
export function psText({ activities }: PsDocument, paint: Paint, width: number): string {
  return activities.length === 0 ? '' : table(COLUMNS, activities.map(row), { width, paint });
}

function row(one: ActivityDocument): readonly Cell[] {
  const { pid, app, database, kind, age_seconds: age, allowed_seconds: allowed, label } = one;
  const isLate = kind === 'running' || kind === 'stuck' || (allowed !== null && age > allowed);
  const lasting = duration(age);
  return [
    String(pid),
    safe(app),
    database === null ? '-' : safe(database),
    kind,
    isLate ? { text: lasting, tone: 'bad' } : lasting,
    label === null ? '-' : safe(label),
    one.statement === null ? callSite(one.call_site) : safe(one.statement),
  ];
}
