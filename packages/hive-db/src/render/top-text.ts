import type { SlowRun, TopBudget, TopDatabase, TopDocument, TopLabel, TopStatement } from '../documents/top.ts';
import { count, duration, rate } from './figures.ts';
import type { Paint } from './paint.ts';
import { safe } from './safe-text.ts';
import { callSite, table, type Cell, type Column } from './table.ts';

const DATABASES: readonly Column[] = [
  { head: 'APP' },
  { head: 'PID', align: 'right' },
  { head: 'DATABASE' },
  { head: 'READS', align: 'right' },
  { head: 'WRITES', align: 'right' },
  { head: 'BUSY', align: 'right' },
  { head: 'ERRORS', align: 'right' },
];
const BUDGETS: readonly Column[] = [
  { head: 'APP' },
  { head: 'PID', align: 'right' },
  { head: 'DATABASE' },
  { head: 'BUDGET' },
  { head: 'IN USE', align: 'right' },
  { head: 'WAITING', align: 'right' },
  { head: 'GRANTED', align: 'right' },
  { head: 'WAITED', align: 'right' },
  { head: 'TIMED OUT', align: 'right' },
];
const TIMES: readonly Column[] = [
  { head: 'SPENT', align: 'right' },
  { head: 'RATE', align: 'right' },
  { head: 'MEAN', align: 'right' },
  { head: 'MAX', align: 'right' },
];
const LABELS: readonly Column[] = [
  ...TIMES,
  { head: 'FAILED', align: 'right' },
  { head: 'APP' },
  { head: 'LABEL' },
  { head: 'WHERE' },
];
const STATEMENTS: readonly Column[] = [...TIMES, { head: 'APP' }, { head: 'DATABASE' }, { head: 'STATEMENT' }];
const SLOW: readonly Column[] = [
  { head: 'TOOK', align: 'right' },
  { head: 'AT (UTC)' },
  { head: 'APP' },
  { head: 'DATABASE' },
  { head: 'LABEL' },
  { head: 'STATEMENT' },
];

/** Five tables under one line that says what they are over. Those with nothing in them are left out. */
export function topText(document: TopDocument, paint: Paint, width: number): string {
  const { window_seconds: seconds, databases, budgets, labels, statements, slow } = document;
  if (databases.length === 0) return '';
  const over = seconds > 0 ? `over ${duration(seconds)}` : 'since the start of each process';
  const parts = [
    part('databases', DATABASES, databases.map(databaseRow)),
    `  ${paint('faint', `in all, since the start: ${totals(databases)}`)}\n`,
    part('budgets', BUDGETS, budgets.map(budgetRow)),
    part('labels', LABELS, labels.map(labelRow)),
    part('statements', STATEMENTS, statements.map(statementRow)),
    part('slow statements', SLOW, slow.map(slowRow)),
  ];
  return `${paint('faint', over)}\n${parts.join('')}`;

  function part(title: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
    if (rows.length === 0) return '';
    return `\n${paint('strong', title)}\n${table(columns, rows, { width, paint, indent: '  ' })}`;
  }
}

function totals(databases: readonly TopDatabase[]): string {
  const sum = (of: (database: TopDatabase) => number): number =>
    databases.reduce((all, database) => all + of(database), 0);
  return [
    count(
      sum(({ reads }) => reads),
      'read',
    ),
    count(
      sum(({ writes }) => writes),
      'write',
    ),
    count(
      sum(({ errors }) => errors),
      'error',
    ),
  ].join(', ');
}

function databaseRow(one: TopDatabase): readonly Cell[] {
  const { app, pid, database, reads_per_second: reads, writes_per_second: writes } = one;
  const errors = rate(one.errors_per_second);
  return [
    safe(app),
    String(pid),
    safe(database),
    rate(reads),
    rate(writes),
    rate(one.busy_per_second),
    one.errors_per_second === 0 ? errors : { text: errors, tone: 'bad' },
  ];
}

function budgetRow(one: TopBudget): readonly Cell[] {
  const { app, pid, database, budget, in_use: used, max, waiting, timeouts_per_second: timeouts } = one;
  const lost = rate(timeouts);
  return [
    safe(app),
    String(pid),
    safe(database),
    safe(budget),
    `${used} of ${max}`,
    String(waiting),
    rate(one.granted_per_second),
    rate(one.waited_per_second),
    timeouts === 0 ? lost : { text: lost, tone: 'bad' },
  ];
}

function labelRow(one: TopLabel): readonly Cell[] {
  return [...times(one), String(one.failures), safe(one.app), safe(one.label), callSite(one.call_site)];
}

function statementRow(one: TopStatement): readonly Cell[] {
  return [...times(one), safe(one.app), safe(one.database), safe(one.statement)];
}

function times(one: TopLabel | TopStatement): readonly Cell[] {
  return [duration(one.spent_seconds), rate(one.per_second), duration(one.mean_seconds), duration(one.max_seconds)];
}

function slowRow({ seconds, at, app, database, label, statement }: SlowRun): readonly Cell[] {
  const clock = at === null ? '-' : at.slice(11, 19);
  return [duration(seconds), clock, safe(app), safe(database), label === null ? '-' : safe(label), safe(statement)];
}
