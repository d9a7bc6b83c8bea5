import Table from 'cli-table3';
import { figure } from './figure.ts';
import { machineInWords } from './machine.ts';
import { failuresIn, ratiosInWords, timesBetter, type Report, type Row, type Table as Figures } from './report.ts';

/** The report for a human reader: the machine first, then a table for each scenario. */
export function renderText({ machine, scenarios }: Report): string {
  return [machineInWords(machine).join('\n'), ...scenarios.map((figures) => renderFigures(figures))].join('\n\n');
}

function renderFigures(figures: Figures): string {
  const { name, about, unit, better, contestants, against } = figures;
  const compared = contestants.find((row) => row.name === against);
  const table = new Table({
    head: ['contestant', `median ${unit}`, 'min to max', `x ${against ?? ''}`],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const row of contestants) table.push(renderRow(row, figures, compared));
  const failures = failuresIn(figures).map((failure) => `failures of ${failure}`);
  const verdict = ratiosInWords(figures);
  return [
    `${name} (${better} is better)`,
    about,
    table.toString(),
    ...failures,
    ...(verdict === undefined ? [] : [verdict]),
  ].join('\n');
}

function renderRow(row: Row, { better }: Figures, compared: Row | undefined): Table.HorizontalTableRow {
  if (row.failed !== undefined) return [row.name, { colSpan: 3, content: `FAILED: ${row.failed}` }];
  const times = timesBetter(row, compared, better);
  return [row.name, figure(row.median), `${figure(row.min)} to ${figure(row.max)}`, times?.toFixed(2) ?? ''];
}
