import { likelyKey } from '@hive/shared-db/config';
import { z } from 'zod';

/** Input from outside that cannot be used. The message is one sentence: where it came from, the key, what was expected. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Parses what came from outside, or throws a `Refusal` for the first thing wrong. `where` is what the sentence begins with. */
export function parseOrRefuse<S extends z.ZodObject>(schema: S, input: unknown, where: string): z.output<S> {
  const result = schema.safeParse(input, { reportInput: true });
  if (result.success) return result.data;
  const { issues } = result.error;
  // A mistyped key is often also a missing one: what is too much explains what is missing, so it is told first.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue === undefined) throw new Error(`BUG: ${where} was refused without a reason`);
  throw new Refusal(`${where}: ${complaintAtKey(issue, Object.keys(schema.shape))}`);
}

/** A whole number within limits. */
export function wholeNumber(least: number, most: number): z.ZodInt {
  const error = `a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** A text of a certain form; `expected` says which. */
export function textLike(form: RegExp, expected: string): z.ZodString {
  return z.string({ error: expected }).regex(form, { error: expected });
}

/** One of some words. */
export function oneOf<const W extends readonly string[]>(words: W): z.ZodEnum<{ [K in W[number]]: K }> {
  return z.enum(words, { error: `one of ${words.join(', ')}` });
}

/** The same for a value that comes as text, such as a flag or a query. */
export function numberInText(schema: z.ZodInt): z.ZodType<number> {
  return z.preprocess((text) => (typeof text === 'string' && /^-?\d{1,15}$/.test(text) ? Number(text) : text), schema);
}

/** What was expected of a value and what it is: the end of a sentence that begins with its key. */
export function complaint(issue: z.core.$ZodIssue): string {
  const words = issue.code === 'invalid_value' ? issue.values.map(String) : [];
  return `must be ${issue.message}, not ${shown(issue.input)}${meant(issue.input, words)}`;
}

/** A wrong value as it may stand in a sentence: short, on one line. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}

/** ` (did you mean X?)` where that can be guessed. */
function meant(word: unknown, candidates: Iterable<string>): string {
  const nearest = typeof word === 'string' ? likelyKey(word, candidates) : undefined;
  return nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
}

function complaintAtKey(issue: z.core.$ZodIssue, keys: readonly string[]): string {
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const known = issue.path.length === 0 ? keys : [];
    const [only] = known;
    if (only !== undefined && known.length === 1) return `there is no ${shown(key)}; there is ${only}`;
    return `there is no ${shown(key)}${known.length === 0 ? '' : `; there are ${known.join(', ')}`}${meant(key, known)}`;
  }
  const key = issue.path.map(String).join('.');
  return key === '' ? `it must be an object, not ${shown(issue.input)}` : `${key} ${complaint(issue)}`;
}
