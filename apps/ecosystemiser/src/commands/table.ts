/** What a column is called and to which side its cells stand. */
export interface TableColumn {
  readonly head: string;
  readonly align: 'left' | 'right';
}

/** Rows under their heads, in columns as wide as what is in them. */
export function table(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ head }) => head), ...rows];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const place = (cell: string, index: number): string => {
    const width = widths[index] ?? 0;
    return columns[index]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
  };
  return lines.map((line) => `${line.map(place).join('  ').trimEnd()}\n`).join('');
}
