import type { ConnectionSum } from '../analysis/connection-sums.ts';
import type { SizeVerdict } from '../analysis/pool-size.ts';
import type { AdvisedDatabase, AdvisedProcess, AdviseDocument } from '../documents/advise.ts';
import { budgetsText } from './budgets-text.ts';
import { facts, type Fact } from './facts.ts';
import { count, duration } from './figures.ts';
import type { Paint, Tone } from './paint.ts';
import { safe } from './safe-text.ts';

/** All that is said of a server with many processes. */
const LONGEST = 2_000;
/** Longer than any path of Linux, of which there is one in it. */
const LONGEST_COMMAND = 4_200;
const KEY_WIDTH = 18;

const VERDICT_TONES: Readonly<Record<SizeVerdict, Tone>> = Object.freeze({
  unknown: 'faint',
  keep: 'good',
  raise: 'doubtful',
  lower: 'doubtful',
  elsewhere: 'doubtful',
});
const SUM_TONES: Readonly<Record<ConnectionSum['verdict'], Tone>> = Object.freeze({
  fits: 'good',
  unknown: 'faint',
  tight: 'doubtful',
  impossible: 'bad',
});

/** For each database what size would do, why, and what to do next; then the sums. */
export function adviseText({ processes, sums }: AdviseDocument, paint: Paint, width: number): string {
  const blocks = processes.map((process) => processText(process, paint, width));
  const shown = sums.map((sum) => sumText(sum, paint, width));
  return [...blocks, ...(shown.length === 0 ? [] : [`${paint('strong', 'sums')}\n${shown.join('')}`])].join('\n');
}

function processText(
  { pid, app, uptime_seconds: uptime, databases }: AdvisedProcess,
  paint: Paint,
  width: number,
): string {
  const head = `${paint('strong', safe(app))}  pid ${pid}  up ${duration(uptime)}\n`;
  return (
    head +
    (databases.length === 0 ? '  no databases\n' : databases.map((one) => databaseText(one, paint, width)).join(''))
  );
}

function databaseText(
  { name, driver, pool, load, size, remarks }: AdvisedDatabase,
  paint: Paint,
  width: number,
): string {
  const tone = VERDICT_TONES[size.verdict];
  const since = load.since === 'start' ? 'since the start' : 'between two looks';
  const measured = `${duration(load.window_seconds)} ${since}, ${count(load.arrivals, 'caller')}; evidence: ${size.confidence}`;
  const head = `  ${safe(name)}  ${safe(driver)}  ${pool.size}${pool.max_overflow > 0 ? `+${pool.max_overflow}` : ''}  ${paint(tone, size.verdict)}\n`;
  const lines: readonly Fact[] = [
    ['size', safe(size.sentence)],
    ['why', safe(size.why)],
    ['measured', measured],
    ...(size.next === null ? [] : [['next', safe(size.next, LONGEST)] as const]),
  ];
  // Never broken into lines: it is there to be copied.
  const run = size.command === null ? '' : `  ${'run'.padEnd(KEY_WIDTH)}${safe(size.command, LONGEST_COMMAND)}\n`;
  const others = remarks.flatMap(({ code, evidence, advice }): readonly Fact[] => [
    [code, safe(evidence)],
    ['fix', safe(advice)],
  ]);
  return head + facts(lines, KEY_WIDTH, width) + run + budgetsText(pool, width) + facts(others, KEY_WIDTH, width);
}

function sumText({ kind, server, pid, verdict, sentence, advice }: ConnectionSum, paint: Paint, width: number): string {
  const what = kind === 'server' ? `connections of ${safe(server ?? '')}` : `open files of pid ${pid}`;
  const fix = advice === null ? [] : [['fix', advice] as const];
  return `  ${what}  ${paint(SUM_TONES[verdict], verdict)}\n${facts([['sum', safe(sentence, LONGEST)], ...fix], KEY_WIDTH, width)}`;
}
