import type { WhyDocument } from '../documents/why.ts';
import type { Paint } from './paint.ts';
import { paragraph } from './paragraph.ts';
import { safe, safePath } from './safe-text.ts';

/** A statement may be part of the sentence. */
const LONGEST_SENTENCE = 2_000;

/** One paragraph, and what to type next. */
export function whyText({ database, verdict, sentence, next }: WhyDocument, paint: Paint, width: number): string {
  const text = paragraph(`${safePath(database)}: ${safe(sentence, LONGEST_SENTENCE)}`, width);
  const painted = verdict === 'none' ? text : paint('strong', text.trimEnd()) + '\n';
  return next === null ? painted : `${painted}next: ${safePath(next)}\n`;
}
