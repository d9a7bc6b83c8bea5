import { figure } from './figure.ts';
import { machineInWords } from './machine.ts';
import { timesBetter, type Report, type Row, type Table } from './report.ts';

/** The report as a part of a document. */
export function renderMarkdown({ machine, scenarios }: Report): string {
  return [machineInWords(machine).join(' '), ...scenarios.map((table) => renderTable(table))].join('\n\n');
}

function renderTable(table: Table): string {
  const { name, about, unit, better, contestants, best_peer } = table;
  const best = contestants.find((row) => row.name === best_peer);
  return [
    `### ${name}`,
    '',
    `${about} ${better === 'lower' ? 'Lower' : 'Higher'} is better.`,
    '',
    `| | median, ${unit} | min to max | times the best peer |`,
    '|---|---:|---:|---:|',
    ...contestants.map((row) => renderRow(row, timesBetter(row, best, better))),
  ].join('\n');
}

function renderRow(row: Row, times: number | null): string {
  if (row.failed !== undefined) return `| ${row.name} | failed: ${row.failed} | | |`;
  return `| ${row.name} | ${figure(row.median)} | ${figure(row.min)} to ${figure(row.max)} | ${times?.toFixed(2) ?? ''} |`;
}
