import type { CauseVerdict } from '../analysis/cause.ts';
import { count, duration } from '../render/figures.ts';
import { span, type Line, type Span } from '../render/line.ts';
import { safe, safePath } from '../render/safe-text.ts';
import { SEVERITY_TONES } from '../render/tones.ts';
import { nameOf } from './blocking-section.ts';
import type { FileLook, Look } from './look.ts';
import type { View } from './view.ts';

/** The worst first. */
const VERDICTS: readonly CauseVerdict[] = ['readers', 'write-lock', 'suspended', 'connections', 'stuck', 'log', 'held'];

/** The first line: how many processes or files, how often they are looked at, and whether that goes on. Pure. */
export function titleLine({ look, intervalMs, pausedAt }: View): Line {
  const title = span('hive-db monitor', 'strong');
  const every = span(`  every ${duration(intervalMs / 1_000)}`);
  if (look === undefined) return [title, every];
  const who = span(`  ${subjectOf(look)}`);
  return pausedAt === undefined
    ? [title, who, every]
    : [title, span(`  PAUSED since ${timeOfDay(pausedAt)}`, 'doubtful'), who, every];
}

/** How many processes or files it is about. */
function subjectOf({ inquiry: { answered, unreachable }, monitor: { files } }: Look): string {
  if (files !== undefined) return count(files.length, 'file');
  const silent = unreachable.length === 0 ? '' : `, ${unreachable.length} without an answer`;
  return `${count(answered.length, 'process', 'processes')}${silent}`;
}

/** The second line: why somebody waits, else what stands out most. Pure. */
export function headline({ look }: View): Line {
  if (look === undefined) return [span('looking for processes ...', 'faint')];
  const { processes, files = [] } = look.monitor;
  const lost = files.find(({ state }) => state !== 'database');
  if (lost !== undefined && lost.state !== 'database')
    return [span('error ', 'bad'), span(`${safePath(lost.path)} ${safe(lost.reason)}`)];
  const file = worstOf(look.files ?? []);
  if (file !== undefined && file.cause.verdict !== 'held') return [span('waiting ', 'bad'), causeSpan(file)];
  const findings = [...processes, ...files].flatMap(({ analysis }) => analysis);
  const worst =
    findings.find(({ severity }) => severity === 'error') ?? findings.find(({ severity }) => severity === 'warning');
  if (worst === undefined && file !== undefined) return [span('held ', 'doubtful'), causeSpan(file)];
  if (worst === undefined) return [span('nobody waits and nothing stands out', 'good')];
  const { severity, process, database, file: path, evidence } = worst;
  const words = [process?.app, database].filter((word) => typeof word === 'string').map((word) => safe(word));
  const where = path === null ? words : [safePath(path)];
  return [span(`${severity} `, SEVERITY_TONES[severity]), span(`${where.join(' ')}: ${safe(evidence)}`)];
}

function causeSpan({ locks, cause }: FileLook): Span {
  return span(`${safe(nameOf(locks.names, locks.path))}: ${safe(cause.sentence)}`);
}

function worstOf(files: readonly FileLook[]): FileLook | undefined {
  return files
    .filter(({ cause }) => cause.verdict !== 'none')
    .toSorted((a, b) => VERDICTS.indexOf(a.cause.verdict) - VERDICTS.indexOf(b.cause.verdict))[0];
}

/** As clocks on the wall show it. */
function timeOfDay(at: number): string {
  const date = new Date(at);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
