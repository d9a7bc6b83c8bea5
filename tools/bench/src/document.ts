import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { renderChart } from './chart.ts';
import { renderMarkdown } from './markdown.ts';
import { byScenario, type Report } from './report.ts';

/** Where charts are, beside the document. */
const CHARTS = 'images/benchmarks';

/**
 * Writes each report into its place in the document and its charts beside it; what stands around those places stays. Throws a sentence,
 * before anything is written, where the document has no place for one of them. Returns the files that were written.
 */
export function renderInto(document: string, reports: readonly Report[]): readonly string[] {
  const text = reports.reduce(
    (before, report) =>
      withSection(
        before,
        report.suite,
        renderMarkdown(report, (name) => addressOf(report, name)),
      ),
    readFileSync(document, 'utf8'),
  );
  const charts = reports.flatMap((report) => writeCharts(dirname(document), report));
  writeFileSync(document, text);
  return [document, ...charts];
}

/** The document with another section between the marks of a suite. */
export function withSection(document: string, suite: string, section: string): string {
  const [from, to] = [`<!-- bench ${suite} -->`, `<!-- end of bench ${suite} -->`];
  const [start, end] = [document.indexOf(from), document.indexOf(to)];
  if (start < 0 || end < start)
    throw new Error(`the document has no place for ${suite}; expected a line ${from}, and after it a line ${to}`);
  return `${document.slice(0, start + from.length)}\n\n${section}\n\n${document.slice(end)}`;
}

function addressOf({ suite }: Report, scenario: string): string {
  const words = scenario.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return `${CHARTS}/${suite}-${words}.svg`;
}

/** Charts of scenarios that the suite no longer has go. */
function writeCharts(directory: string, report: Report): readonly string[] {
  const charts = join(directory, CHARTS);
  mkdirSync(charts, { recursive: true });
  const written = byScenario(report.scenarios).map((tables) => {
    const file = join(directory, addressOf(report, tables[0].scenario));
    writeFileSync(file, renderChart(tables));
    return file;
  });
  const names = new Set(written.map((file) => basename(file)));
  for (const name of readdirSync(charts))
    if (name.startsWith(`${report.suite}-`) && !names.has(name)) rmSync(join(charts, name));
  return written;
}
