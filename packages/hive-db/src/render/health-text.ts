import type { HealthDocument, HealthReason, ProcessHealth } from '../documents/health.ts';
import type { Paint } from './paint.ts';
import { paragraph } from './paragraph.ts';
import { processHeading } from './process-heading.ts';
import { safe } from './safe-text.ts';
import { verdictTone } from './tones.ts';

/** A verdict for each process, with its reasons. */
export function healthText({ processes }: HealthDocument, paint: Paint, width: number): string {
  return processes.map((process) => processText(process, paint, width)).join('\n');
}

function processText(process: ProcessHealth, paint: Paint, width: number): string {
  const verdict = paint(verdictTone(process.status), process.status);
  const reasons = process.reasons.map((reason) => reasonText(reason, paint, width));
  return `${processHeading(process, paint)}  ${verdict}\n${reasons.join('')}`;
}

function reasonText({ status, database, evidence, advice }: HealthReason, paint: Paint, width: number): string {
  const head = `  ${paint(verdictTone(status), status)}${database === null ? '' : ` ${safe(database)}`}\n`;
  return head + paragraph(safe(evidence), width, '    ') + paragraph(`fix: ${safe(advice)}`, width, '    ');
}
