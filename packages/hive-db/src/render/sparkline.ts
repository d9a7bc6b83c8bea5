const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** Eight heights, one character for each value from 0 to 1. A space where a value is not known. */
export function sparkline(levels: readonly (number | null)[]): string {
  return levels.map((level) => (level === null ? ' ' : bar(level))).join('');
}

function bar(level: number): string {
  const height = Math.ceil(Math.min(1, Math.max(0, level)) * BARS.length) - 1;
  return BARS[Math.max(0, height)] ?? ' ';
}
