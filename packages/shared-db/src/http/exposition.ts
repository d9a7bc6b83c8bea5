import type { HistogramSnapshot } from '@hive/pool';

/** One series of a family: a number, or a histogram with its cumulative buckets. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | HistogramSnapshot;
}

/** Everything of one name. */
export interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly series: readonly Series[];
}

/** What `renderFamilies` writes, as a media type. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Upper bounds of histogram buckets in seconds: those that OpenTelemetry advises for database clients, so that its dashboards
 * work, with four finer ones below, because SQLite answers in microseconds, and one above for sessions.
 */
const BOUNDS_SECONDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

/** Prometheus text format, version 0.0.4. Families without a series are left out. */
export function renderFamilies(families: readonly Family[]): string {
  return families.map(renderFamily).join('');
}

function renderFamily({ name, type, help, series }: Family): string {
  if (series.length === 0) return '';
  const lines = series.flatMap(({ labels, value }) =>
    typeof value === 'number' ? [sample(name, labels, value)] : histogramLines(name, labels, value),
  );
  return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

/**
 * The pool counts in finer buckets whose bounds are other numbers. One that straddles a bound counts for the next higher, so a
 * duration may be shown up to one eighth longer than it was, and never shorter.
 */
function histogramLines(name: string, labels: Series['labels'], histogram: HistogramSnapshot): string[] {
  const { count, sumMs, buckets } = histogram;
  const bucketLines = BOUNDS_SECONDS.map((bound) => {
    const below = buckets.reduce((sum, { leMs, count: held }) => (leMs <= bound * 1_000 ? sum + held : sum), 0);
    return sample(`${name}_bucket`, { ...labels, le: String(bound) }, below);
  });
  return [
    ...bucketLines,
    sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
    sample(`${name}_sum`, labels, sumMs / 1_000),
    sample(`${name}_count`, labels, count),
  ];
}

function sample(name: string, labels: Series['labels'], value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${number(value)}`;
}

function number(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', String.raw`\"`);
}
