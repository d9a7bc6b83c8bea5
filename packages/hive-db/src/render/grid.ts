import { cells, cut, cutBeginning } from './cells.ts';
import { span, type Line } from './line.ts';
import type { Cell } from './table.ts';

/** A column of a table that is drawn again and again. */
export interface GridColumn {
  readonly head: string;
  /** Figures stand to the right, in a column that is as wide as its head and `least` also for short ones: it must not dance. */
  readonly align?: 'left' | 'right';
  /** What is left of a text that has no room. Default its beginning. */
  readonly keep?: 'beginning' | 'end';
  /** So many cells it needs, words as many as they have where those are fewer. */
  readonly least: number;
  /** Where there is no room for all columns, those with the lowest rank stay. */
  readonly rank: number;
}

/** A table as lines of at most `width` cells: its head, then one for each row. */
export interface Grid {
  readonly head: Line;
  readonly rows: readonly Line[];
}

const GAP = 2;

/** What a column needs and what it would take, in cells. */
interface Demand {
  readonly rank: number;
  readonly need: number;
  readonly natural: number;
}

/**
 * Lays out a table. Columns that are empty or have no room are left out, those that have something to spare are cut. Pure; costs about a
 * microsecond a cell.
 */
export function grid(columns: readonly GridColumn[], rows: readonly (readonly Cell[])[], width: number): Grid {
  const widths = fitted(
    columns.map((column, index) => demandOf(column, rows, index)),
    width,
  );
  const line = (row: readonly Cell[]): Line => lineOf(columns, widths, row);
  return {
    head: line(columns.map(({ head }) => ({ text: head, tone: 'faint' }))),
    rows: rows.map((row) => line(row)),
  };
}

function demandOf({ head, align, least, rank }: GridColumn, rows: readonly (readonly Cell[])[], index: number): Demand {
  const content = rows.reduce((widest, row) => Math.max(widest, cells(textOf(row[index]))), 0);
  if (content === 0) return { rank, need: 0, natural: 0 };
  const steady = align === 'right' ? Math.max(cells(head), least) : cells(head);
  return { rank, need: Math.max(steady, Math.min(content, least)), natural: Math.max(steady, content) };
}

/** The width of each column; 0 where it is left out. */
function fitted(demands: readonly Demand[], width: number): readonly number[] {
  const shown = withRoom(demands, width);
  const widths = demands.map((demand) => (shown.has(demand) ? demand.natural : 0));
  // The less a column matters, the sooner it gives.
  const spareOf = (index: number): number => {
    const { need, rank } = demands[index] ?? { need: 0, rank: 0 };
    return ((widths[index] ?? 0) - need) * (rank + 1);
  };
  let excess = widths.reduce((sum, one) => sum + one, GAP * (shown.size - 1)) - width;
  while (excess > 0) {
    const giver = widths.reduce((most, _, index) => (spareOf(index) > spareOf(most) ? index : most), 0);
    if (spareOf(giver) <= 0) break;
    widths[giver] = (widths[giver] ?? 0) - 1;
    excess--;
  }
  // Not even the first column has room: it takes what there is.
  return excess > 0 ? widths.map((one) => Math.min(one, Math.max(0, width))) : widths;
}

function withRoom(demands: readonly Demand[], width: number): ReadonlySet<Demand> {
  const shown = new Set<Demand>();
  let room = width + GAP;
  for (const demand of demands.filter(({ natural }) => natural > 0).toSorted((a, b) => a.rank - b.rank)) {
    room -= demand.need + GAP;
    // One behind a column that has no room might have some, but then tables would lose their columns in no order.
    if (room < 0 && shown.size > 0) break;
    shown.add(demand);
  }
  return shown;
}

function lineOf(columns: readonly GridColumn[], widths: readonly number[], row: readonly Cell[]): Line {
  const places = columns.flatMap(({ align, keep }, index) => {
    const width = widths[index] ?? 0;
    if (width === 0) return [];
    const cell = row[index] ?? '';
    const text = keep === 'end' ? cutBeginning(textOf(cell), width) : cut(textOf(cell), width);
    const padding = span(' '.repeat(width - cells(text)));
    const content = typeof cell === 'string' ? span(text) : span(text, cell.tone);
    return [align === 'right' ? [padding, content] : [content, padding]];
  });
  return places.flatMap((place, index) => (index === 0 ? place : [span(' '.repeat(GAP)), ...place]));
}

function textOf(cell: Cell = ''): string {
  return typeof cell === 'string' ? cell : cell.text;
}
