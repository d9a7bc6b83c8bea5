import Table from 'cli-table3';
import type { Machine } from './machine.ts';
import { timesBetter, type Report, type Row, type Table as Figures } from './report.ts';

/** The report for a human reader: the machine first, then a table for each scenario. */
export function renderText({ machine, scenarios }: Report): string {
  return [renderMachine(machine), ...scenarios.map((figures) => renderFigures(figures))].join('\n\n');
}

function renderMachine({ cpu, cores, platform, node, load, packages, clock_ns, await_ns }: Machine): string {
  return [
    `${cpu}, ${cores} cores, ${platform}, Node ${node}, load ${load.toFixed(2)} at the start`,
    Object.entries(packages)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `On this machine performance.now() costs ${clock_ns.toFixed(0)} ns and an await ${await_ns.toFixed(0)} ns.`,
  ].join('\n');
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

/** Three or more digits that count. */
function figure(value: number | null): string {
  if (value === null) return '';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
