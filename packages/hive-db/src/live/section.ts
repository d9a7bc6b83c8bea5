import type { GridColumn } from '../render/grid.ts';
import type { Cell } from '../render/table.ts';

/** The parts of the view, in the order of their numbers. */
export const SECTION_NAMES = ['pools', 'activity', 'blocking', 'wal'] as const;
export type SectionName = (typeof SECTION_NAMES)[number];

/** One part of the view: a table, before it is sorted, filtered and laid out. */
export interface Section {
  readonly columns: readonly GridColumn[];
  /** What it can be sorted by; the first is where it starts. */
  readonly orders: readonly string[];
  readonly rows: readonly SectionRow[];
  /** What stands in place of rows when there are none. */
  readonly nothing: string;
}

export interface SectionRow {
  /** As many as there are columns; all text safe. */
  readonly cells: readonly Cell[];
  /** By the section's orders: numbers stand from the highest, words from A. */
  readonly ranks: readonly (number | string)[];
}

/** The rows that hold the words that are looked for, sorted. Rows of equal rank stay as they are. Pure. */
export function arrange({ rows, orders }: Section, order: number, filter: string): readonly SectionRow[] {
  const index = order % orders.length;
  const wanted = filter.toLowerCase();
  const found = wanted === '' ? rows : rows.filter(({ cells }) => textOf(cells).toLowerCase().includes(wanted));
  return found.toSorted((a, b) => compare(a.ranks[index] ?? 0, b.ranks[index] ?? 0));
}

function textOf(cells: readonly Cell[]): string {
  return cells.map((cell) => (typeof cell === 'string' ? cell : cell.text)).join(' ');
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return b - a;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}
