import { likelyKey } from '@hive/shared-db/config';
import { inspect } from 'node:util';
import type { z } from 'zod';

/** What was wrong with an input, in the words of its one sentence. */
interface Complaint {
  /** Where the input came from, as a person would look for it: a file's name, `study "row-houses"`. */
  readonly origin: string;
  /** The path of keys to what is wrong; empty for the whole input. */
  readonly key: string;
  readonly expected: string;
  readonly found: unknown;
  /** What could have been meant; the nearest is named. */
  readonly candidates?: Iterable<string>;
}

/** Input from outside that cannot be used. The message is one sentence: origin, key, what was expected, what was found. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor({ origin, key, expected, found, candidates = [] }: Complaint) {
    const meant = typeof found === 'string' ? likelyKey(found, candidates) : undefined;
    const end = meant === undefined ? '.' : `; did you mean "${meant}"?`;
    super(`${origin}: ${key === '' ? '' : `${key}: `}expected ${expected}, found ${shown(found)}${end}`);
  }
}

/** Parses what came from outside into the value that the schema describes, or throws a `Refusal` for the first thing wrong. */
export function parseOrRefuse<Output>(schema: z.ZodType<Output>, input: unknown, origin: string): Output {
  const result = schema.safeParse(input, { reportInput: true });
  if (result.success) return result.data;
  throw refusalOf(result.error.issues, origin);
}

function refusalOf(issues: readonly z.core.$ZodIssue[], origin: string): Refusal {
  // A mistyped key is also a missing one: what is too much explains what is missing, so it is told first.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue === undefined) throw new Error(`BUG: ${origin} was refused without a reason`);
  const key = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const missing = issues.filter(({ input, path }) => input === undefined && path.slice(0, -1).join('.') === key);
    const candidates = missing.map(({ path }) => String(path.at(-1)));
    return new Refusal({ origin, key, expected: 'only known keys', found: issue.keys[0], candidates });
  }
  if (issue.code === 'invalid_union') {
    // The only unions are told apart by one key, which the path ends in.
    const found = (issue.input as Record<PropertyKey, unknown>)[issue.path.at(-1) ?? ''];
    const candidates = 'options' in issue ? (issue.options ?? []).map(String) : [];
    return new Refusal({ origin, key, expected: `one of ${candidates.join(', ')}`, found, candidates });
  }
  return new Refusal({ origin, key, expected: expectation(issue.message), found: issue.input });
}

/** `Too small: expected number to be >0` and `Invalid input: expected string, received null` without what is said anyway. */
function expectation(message: string): string {
  return message.replace(/^.*?expected /, '').replace(/, received .*$/, '');
}

function shown(found: unknown): string {
  return found === undefined ? 'nothing' : inspect(found, { depth: -1, maxStringLength: 60, breakLength: Infinity });
}
