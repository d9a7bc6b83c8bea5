import type { FixDocument, FixStep } from '../documents/fix.ts';
import { shellWord } from '../shell-word.ts';
import { facts, type Fact } from './facts.ts';
import { count } from './figures.ts';
import { findingText } from './findings-text.ts';
import type { Paint, Tone } from './paint.ts';
import { safe, safePath } from './safe-text.ts';

const KEY_WIDTH = 12;
const LONGEST_SENTENCE = 2_000;

const TONES: Readonly<Record<FixStep['outcome'], Tone>> = Object.freeze({
  planned: 'strong',
  skipped: 'doubtful',
  done: 'good',
  failed: 'bad',
});

/** Every step with what came of it, then what no command mends, then how many there are. */
export function fixText(document: FixDocument, paint: Paint, width: number): string {
  const { steps, advice } = document;
  return [
    ...steps.map((step) => stepText(step, paint, width)),
    ...(advice.length === 0 ? [] : ['no command mends:\n', ...advice.map((one) => findingText(one, paint, width))]),
    `${summary(document)}\n`,
  ].join('\n');
}

function stepText(step: FixStep, paint: Paint, width: number): string {
  const { id, risk, findings, does, verification, confirm, outcome, detail } = step;
  const head = `${paint(TONES[outcome], outcome)}  ${paint('strong', safePath(id))}  risk ${risk}\n`;
  const lines: readonly Fact[] = [
    ['because of', findings.join(', ')],
    ['does', safe(does, LONGEST_SENTENCE)],
    ['verified by', safe(verification)],
    ...(confirm === null ? [] : [['confirm with', `--confirm ${safePath(shellWord(confirm))}`] as const]),
    ...(detail === null ? [] : [['still', safe(detail, LONGEST_SENTENCE)] as const]),
  ];
  return head + facts(lines, KEY_WIDTH + 2, width);
}

function summary({ steps, advice, dry_run: dryRun }: FixDocument): string {
  const counts = (['planned', 'done', 'skipped', 'failed'] as const).flatMap((outcome) => {
    const number = steps.filter((step) => step.outcome === outcome).length;
    return number === 0 ? [] : `${number} ${outcome}`;
  });
  const done = steps.length === 0 ? 'nothing to mend' : `${count(steps.length, 'step')}: ${counts.join(', ')}`;
  const left = advice.length === 0 ? '' : `; ${count(advice.length, 'finding')} that no command mends`;
  return `${done}${left}${dryRun ? '; nothing was changed' : ''}`;
}
