import type { DiagnosisDocument } from '../documents/diagnosis.ts';
import type { Finding } from '../analysis/finding.ts';
import { count } from './figures.ts';
import { lastingText } from './lasting-text.ts';
import type { Paint } from './paint.ts';
import { paragraph } from './paragraph.ts';
import { safe, safePath } from './safe-text.ts';
import { SEVERITY_TONES } from './tones.ts';

/** Longer than any path of Linux, of which there is one in it. */
const LONGEST_COMMAND = 4_200;

/** All findings, worst first, and how many there are. Nothing where nothing could be examined. */
export function diagnosisText(document: DiagnosisDocument, paint: Paint, width: number): string {
  const { findings, counts, examined } = document;
  if (findings.length === 0 && examined.processes + examined.files === 0) return '';
  const blocks = findings.map((finding) => findingText(finding, paint, width));
  const found = [
    counts.error > 0 ? count(counts.error, 'error') : [],
    counts.warning > 0 ? count(counts.warning, 'warning') : [],
    counts.info > 0 ? `${counts.info} for information` : [],
  ].flat();
  const where = [
    examined.processes > 0 ? count(examined.processes, 'process', 'processes') : [],
    examined.files > 0 ? count(examined.files, 'file') : [],
  ].flat();
  const scope = where.length === 0 ? '' : ` in ${where.join(' and ')}`;
  return [...blocks, `${found.join(', ') || 'nothing found'}${scope}\n`].join('\n');
}

/** One remark about a process whose name stands above: what, where, evidence, advice. */
export function remarkText(finding: Finding, paint: Paint, width: number, indent: string): string {
  const where = finding.database === null ? '' : ` ${safe(finding.database)}`;
  const head = `${indent}${paint(SEVERITY_TONES[finding.severity], finding.severity)}${where}${lastingText(finding)}\n`;
  return head + sentences(finding, width, `${indent}  `);
}

/** One finding: what, where, evidence, advice. */
export function findingText(finding: Finding, paint: Paint, width: number): string {
  const { severity, code, process, database, file } = finding;
  const subject = [
    file === null ? [] : safePath(file),
    database === null ? [] : safe(database),
    process === null ? [] : process.app === null ? `pid ${process.pid}` : `${safe(process.app)} (pid ${process.pid})`,
  ].flat();
  const head = `${paint(SEVERITY_TONES[severity], severity)}  ${code}  ${paint('strong', subject.join(' in '))}${lastingText(finding)}\n`;
  return head + sentences(finding, width, '  ');
}

/** The command is never broken into lines: it is there to be copied. */
function sentences({ evidence, advice, command }: Finding, width: number, indent: string): string {
  const run = command === null ? '' : `${indent}run: ${safe(command, LONGEST_COMMAND)}\n`;
  return paragraph(safe(evidence), width, indent) + paragraph(`fix: ${safe(advice)}`, width, indent) + run;
}
