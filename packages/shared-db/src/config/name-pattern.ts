import { isDatabaseKey, isDatabaseName } from './database-name.ts';

/** Names that a pattern stands for: `tenant-*` for `tenant-acme` and all others that begin like it. */
export class NamePattern {
  readonly text: string;
  readonly #before: string;
  readonly #after: string;

  private constructor(text: string, before: string, after: string) {
    this.text = text;
    this.#before = before;
    this.#after = after;
  }

  /** Undefined for a key that stands for one database only. */
  static of(key: string): NamePattern | undefined {
    const [before = '', after] = key.split('*');
    return after === undefined || !isDatabaseKey(key) ? undefined : new NamePattern(key, before, after);
  }

  /** What the `*` stands for in a name of a database; undefined where the pattern does not stand for that name. */
  partOf(name: unknown): string | undefined {
    const least = this.#before.length + this.#after.length;
    if (!isDatabaseName(name) || name.length <= least) return undefined;
    if (!name.startsWith(this.#before) || !name.endsWith(this.#after)) return undefined;
    return name.slice(this.#before.length, name.length - this.#after.length);
  }
}

/** The names that a key of a configuration stands for. */
export type NamesOf<K extends string> = K extends `${infer Before}*${infer After}` ? `${Before}${string}${After}` : K;

/** Which key of a configuration stands for a database that it does not name itself; undefined where none does. */
export type PatternOf = (name: string) => string | undefined;

/** Of several patterns among the keys the longest says most. What is a key itself is what that says, and nothing else. */
export function patternAmong(keys: readonly string[]): PatternOf {
  const patterns = keys.flatMap((key) => NamePattern.of(key) ?? []).toSorted((a, b) => b.text.length - a.text.length);
  const own = new Set(keys);
  return (name) => (own.has(name) ? undefined : patterns.find((one) => one.partOf(name) !== undefined)?.text);
}
