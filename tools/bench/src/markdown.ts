import { figure } from './figure.ts';
import { machineInWords, type Machine } from './machine.ts';
import {
  byScenario,
  failuresIn,
  otherVersions,
  ratiosInWords,
  timesBetter,
  type Report,
  type Row,
  type Table,
} from './report.ts';

/** The report as a part of a document. `chartOf` is the address of a scenario's chart, where there is one. */
export function renderMarkdown({ machine, scenarios }: Report, chartOf?: (scenario: string) => string): string {
  return [
    machineInWords(machine).join(' '),
    ...byScenario(scenarios).flatMap((tables) => renderScenario(machine, tables, chartOf?.(tables[0].scenario))),
  ].join('\n\n');
}

function renderScenario(
  machine: Machine,
  tables: readonly [Table, ...Table[]],
  chart: string | undefined,
): readonly string[] {
  const { scenario, about } = tables[0];
  const versions = otherVersions(machine, tables[0]);
  return [
    `### ${scenario}`,
    [about, ...(versions.length === 0 ? [] : [`${versions.join('; ')}.`])].join(' '),
    ...(chart === undefined ? [] : [`![${scenario}](${chart})`]),
    ...tables.map(renderTable),
    ...failuresIn(tables[0]).map((failure) => `Failures of ${failure}.`),
  ];
}

function renderTable(table: Table): string {
  const { measure, unit, better, contestants, against, best_peer } = table;
  const what = `${measure}${unit === '' ? '' : `, ${unit}`} (${better} is better)`;
  const compared = contestants.find((row) => row.name === against);
  // Where the best peer is another than the one that everybody is compared with, it is said how we stand to each.
  const ratios = against === best_peer ? undefined : ratiosInWords(table);
  return [
    `| ${what} | median | min to max |${against === null ? '' : ` times ${against} |`}`,
    `|---|---:|---:|${against === null ? '' : '---:|'}`,
    ...contestants.map((row) => renderRow(row, against === null ? undefined : timesBetter(row, compared, better))),
    ...(ratios === undefined ? [] : ['', ratios]),
  ].join('\n');
}

/** `times` is undefined where the table has no such column. */
function renderRow({ name, median, min, max, failed }: Row, times: number | null | undefined): string {
  const last = times === undefined ? '' : times === null ? ' |' : ` ${times.toFixed(2)} |`;
  if (failed !== undefined) return `| ${name} | failed: ${failed} | |${last}`;
  return `| ${name} | ${figure(median)} | ${figure(min)} to ${figure(max)} |${last}`;
}
