import { cells, cut, cutBeginning } from './cells.ts';
import type { Paint, Tone } from './paint.ts';
import { safe } from './safe-text.ts';

/** What stands in a cell: text, or text with a tone, or one of which the end says more than the beginning where there is no room. */
export type Cell = string | { readonly text: string; readonly tone?: Tone; readonly keep?: 'end' };

export interface Column {
  readonly head: string;
  /** Numbers stand to the right. Default left. */
  readonly align?: 'left' | 'right';
}

export interface TableOptions {
  readonly width: number;
  readonly paint: Paint;
  /** What every line begins with. Default nothing. */
  readonly indent?: string;
}

/** A column is not made narrower than this; narrower, nothing in it could be told apart. */
const NARROWEST = 5;
const GAP = 2;

/**
 * A table without borders. Where it is wider than `width`, its widest columns are cut, with an ellipsis: `--json` has everything.
 * Pure; costs about a microsecond a cell.
 */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], options: TableOptions): string {
  const { width, paint, indent = '' } = options;
  const heads = columns.map(({ head }) => head);
  const widths = fitted(naturalWidths([heads, ...rows]), width - cells(indent));
  const place = (cell: Cell, index: number): string => {
    const room = widths[index] ?? NARROWEST;
    const shorten = typeof cell !== 'string' && cell.keep === 'end' ? cutBeginning : cut;
    const text = shorten(textOf(cell), room);
    const toned = typeof cell === 'string' || cell.tone === undefined ? text : paint(cell.tone, text);
    const padding = ' '.repeat(room - cells(text));
    return columns[index]?.align === 'right' ? `${padding}${toned}` : `${toned}${padding}`;
  };
  const head = heads.map((text): Cell => ({ text, tone: 'faint' }));
  return [head, ...rows].map((row) => `${indent}${row.map(place).join(' '.repeat(GAP)).trimEnd()}\n`).join('');
}

function naturalWidths(rows: readonly (readonly Cell[])[]): number[] {
  const [heads = []] = rows;
  return heads.map((_, index) => rows.reduce((widest, row) => Math.max(widest, cells(textOf(row[index] ?? ''))), 0));
}

/** Takes from the widest column until all fit, or none can give any more. */
function fitted(natural: readonly number[], width: number): readonly number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, one) => sum + one, GAP * (widths.length - 1)) - width;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= NARROWEST) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
  return widths;
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

/** A place in somebody's source as a cell: the file and the line stand at its end. */
export function callSite(site: string | null): Cell {
  return { text: safe(site ?? '-'), keep: 'end' };
}
