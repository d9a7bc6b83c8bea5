import type { DeprecatedUse, DeprecationsDocument, ProcessDeprecations } from '../documents/deprecations.ts';
import { count } from './figures.ts';
import type { Paint } from './paint.ts';
import { paragraph } from './paragraph.ts';
import { processHeading } from './process-heading.ts';
import { safe } from './safe-text.ts';

/** Which old APIs each process calls, how often, from where, and what to write instead. */
export function deprecationsText({ processes }: DeprecationsDocument, paint: Paint, width: number): string {
  return processes.map((process) => processText(process, paint, width)).join('\n');
}

function processText(process: ProcessDeprecations, paint: Paint, width: number): string {
  const uses = process.deprecations.map((use) => useText(use, paint, width));
  return `${processHeading(process, paint)}\n${uses.length === 0 ? '  no deprecated calls\n' : uses.join('')}`;
}

function useText({ code, replacement, calls, call_sites: sites }: DeprecatedUse, paint: Paint, width: number): string {
  const head = `  ${paint('doubtful', safe(code))}  ${count(calls, 'call')}\n`;
  return [
    head,
    paragraph(`use ${safe(replacement)}`, width, '    '),
    ...sites.map((site) => `    at ${safe(site)}\n`),
  ].join('');
}
