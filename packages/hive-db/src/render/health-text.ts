import type { FileHealth, HealthDocument, HealthReason, ProcessHealth } from '../documents/health.ts';
import { lastingText } from './lasting-text.ts';
import type { Paint } from './paint.ts';
import { paragraph } from './paragraph.ts';
import { processHeading } from './process-heading.ts';
import { safe, safePath } from './safe-text.ts';
import { verdictTone } from './tones.ts';

type Judged = Pick<ProcessHealth | FileHealth, 'status' | 'reasons'>;

/** A verdict for each process or file, with its reasons. */
export function healthText({ processes, files = [] }: HealthDocument, paint: Paint, width: number): string {
  return [
    ...processes.map((process) => verdictText(processHeading(process, paint), process, paint, width)),
    // Of the others a message says what they are.
    ...files.flatMap(({ path, status, reasons }) =>
      status === null ? [] : verdictText(safePath(path), { status, reasons }, paint, width),
    ),
  ].join('\n');
}

function verdictText(heading: string, { status, reasons }: Judged, paint: Paint, width: number): string {
  const verdict = paint(verdictTone(status), status);
  return `${heading}  ${verdict}\n${reasons.map((reason) => reasonText(reason, paint, width)).join('')}`;
}

function reasonText(reason: HealthReason, paint: Paint, width: number): string {
  const { status, database, evidence, advice } = reason;
  const where = database === null ? '' : ` ${safe(database)}`;
  const head = `  ${paint(verdictTone(status), status)}${where}${lastingText(reason)}\n`;
  return head + paragraph(safe(evidence), width, '    ') + paragraph(`fix: ${safe(advice)}`, width, '    ');
}
