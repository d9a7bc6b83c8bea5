import Table from 'cli-table3';
import { figure } from './figure.ts';
import { machineInWords } from './machine.ts';
import { timesBetter, type Report, type Row, type Table as Figures } from './report.ts';

/** The report for a human reader: the machine first, then a table for each scenario. */
export function renderText({ machine, scenarios }: Report): string {
  return [machineInWords(machine).join('\n'), ...scenarios.map((figures) => renderFigures(figures))].join('\n\n');
}

function renderFigures(figures: Figures): string {
  const { name, about, unit, better, contestants, best_peer, ratio_to_best_peer } = figures;
  const best = contestants.find((row) => row.name === best_peer);
  const table = new Table({
    head: ['contestant', `median ${unit}`, 'min to max', 'x best peer'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const row of contestants) table.push(renderRow(row, figures, best));
  const verdict =
    ratio_to_best_peer === null ? [] : [`${contestants[0]?.name}: ${ratio_to_best_peer.toFixed(2)} x ${best_peer}`];
  return [`${name} (${better} is better)`, about, table.toString(), ...verdict].join('\n');
}

function renderRow(row: Row, { better }: Figures, best: Row | undefined): Table.HorizontalTableRow {
  if (row.failed !== undefined) return [row.name, { colSpan: 3, content: `FAILED: ${row.failed}` }];
  const times = timesBetter(row, best, better);
  return [row.name, figure(row.median), `${figure(row.min)} to ${figure(row.max)}`, times?.toFixed(2) ?? ''];
}
