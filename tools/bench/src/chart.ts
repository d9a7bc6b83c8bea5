import { figure } from './figure.ts';
import type { Row, Table } from './report.ts';

/** Pixels: the names, then the bars, then room for the figure behind the longest of them. */
const NAMES = 230;
const BARS = 360;
const WIDTH = 720;
const LINE = 20;
const BAR = 12;
const TITLE = 30;
/** A spread that is longer than so many of the longest bar is cut off, or the bars could not be told apart. */
const LONGEST_SPREAD = 2;
/** Of the reason why somebody failed, as much as fits. */
const MOST_LETTERS = 75;

const STYLE = `text{font:12px system-ui,sans-serif;fill:#24292f}.what{font-weight:600}.ours{fill:#0969da}.peer{fill:#8c959f}
.floor{fill:#d0d7de}path{stroke:#57606a;fill:none}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#4493f8}
.peer{fill:#6e7681}.floor{fill:#3d444d}path{stroke:#b1bac4}}`;

/**
 * A scenario as a picture, in SVG: for each measure a bar for everybody, as long as the median, with a line from the least to the most.
 * Bars begin at nought. A measure of which everybody has nothing has no bars, and is left out.
 */
export function renderChart(tables: readonly [Table, ...Table[]]): string {
  const panels: string[] = [];
  let top = 0;
  for (const table of tables) {
    const reach = reachOf(table);
    if (reach === 0) continue;
    panels.push(renderPanel(table, reach, top));
    top += TITLE + table.contestants.length * LINE;
  }
  const title = escaped(tables[0].scenario);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top + BAR}" viewBox="0 0 ${WIDTH} ${top + BAR}" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

/** What the whole width of the bars stands for. */
function reachOf({ contestants }: Table): number {
  const longest = Math.max(0, ...contestants.map(({ median }) => median ?? 0));
  const most = Math.max(0, ...contestants.map(({ max }) => max ?? 0));
  return Math.min(most, longest * LONGEST_SPREAD);
}

function renderPanel({ measure, unit, better, contestants }: Table, reach: number, top: number): string {
  const what = `${measure}${unit === '' ? '' : `, ${unit}`} (${better} is better)`;
  return [
    `<text class="what" x="0" y="${top + LINE}">${escaped(what)}</text>`,
    ...contestants.map((row, index) => renderRow(row, reach, top + TITLE + index * LINE)),
  ].join('\n');
}

function renderRow(row: Row, reach: number, top: number): string {
  const base = top + BAR - 2;
  const name = `<text x="${NAMES - 8}" y="${base}" text-anchor="end">${escaped(row.name)}</text>`;
  const { median, min, max } = row;
  if (median === null || min === null || max === null)
    return `${name}<text x="${NAMES}" y="${base}">${escaped(`failed: ${row.failed ?? ''}`.slice(0, MOST_LETTERS))}</text>`;
  const x = (value: number): number => Math.round(NAMES + (Math.min(value, reach) / reach) * BARS);
  const middle = top + BAR / 2;
  const spread = `M${x(min)} ${middle}H${x(max)}${max > reach ? `l-4 -4m4 4l-4 4` : ''}`;
  return [
    name,
    `<rect class="${row.role}" x="${NAMES}" y="${top}" width="${x(median) - NAMES}" height="${BAR}"/>`,
    `<path d="${spread}"/>`,
    `<text x="${x(Math.max(max, median)) + 6}" y="${base}">${figure(median)}</text>`,
  ].join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
