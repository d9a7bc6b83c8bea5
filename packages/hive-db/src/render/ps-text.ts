import type { ActivityDocument, LeaksDocument, PsDocument } from '../documents/ps.ts';
import { duration } from './figures.ts';
import type { Paint } from './paint.ts';
import { paragraph } from './paragraph.ts';
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

const LEAKED_COLUMNS: readonly Column[] = [
  { head: 'PID', align: 'right' },
  { head: 'APP' },
  { head: 'DATABASE' },
  { head: 'KIND' },
  { head: 'AGE', align: 'right' },
  { head: 'UNUSED', align: 'right' },
  { head: 'LABEL' },
  { head: 'WHERE' },
];

/** One line for each lease that looks like a leak, and below how many there were; nothing at all where there never was one. */
export function leakedText({ activities, leaks }: PsDocument, paint: Paint, width: number): string {
  const suspects = activities.length === 0 ? '' : table(LEAKED_COLUMNS, activities.map(leakedRow), { width, paint });
  return suspects + leaks.map((one) => paragraph(leaksText(one), width, '')).join('');
}

function leakedRow(one: ActivityDocument): readonly Cell[] {
  const [pid = '', app = '', database = '', kind = '', age = '', label = '', where = ''] = row(one);
  return [pid, app, database, kind, age, one.idle_seconds === null ? '-' : duration(one.idle_seconds), label, where];
}

function leaksText(one: LeaksDocument): string {
  const { pid, app, database, suspected, returned_late: back, collected, collected_seconds_ago: ago } = one;
  const lost = collected === 0 ? '' : `; ${collected} dropped without release, the last ${duration(ago)} ago`;
  return `${safe(database)} of ${safe(app)} (pid ${pid}): ${suspected} suspected so far, ${back} came back${lost}`;
}

function row(one: ActivityDocument): readonly Cell[] {
  const { pid, app, database, kind, age_seconds: age, allowed_seconds: allowed, label } = one;
  const isLate = one.suspected || kind === 'running' || kind === 'stuck' || (allowed !== null && age > allowed);
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
