/**
 * What a text of SQL is made of, as far as values are concerned: comments, quoted names, texts and blobs, parameters, words, numbers. A text
 * that ends in the middle of one is one to its end.
 */
const TOKEN =
  /--[^\n]*|\/\*[^]*?(?:\*\/|$)|"[^"]*"?|`[^`]*`?|\[[^\]]*\]?|[xX]?'(?:[^']|'')*'?|[?:@$][\w$]*|[A-Za-z_\u{80}-\u{10ffff}][\w$\u{80}-\u{10ffff}]*|\d[\w.]*(?:(?<=[eE])[+-]\d+)?/gu;

/** A statement without the values that somebody has written into it: `?` stands for each. Without comments, which may say anything. */
export function withoutValues(sql: string): string {
  return sql.replace(TOKEN, (token) => {
    if (/^(?:--|\/\*)/.test(token)) return '';
    return /^(?:\d|[xX]?')/.test(token) ? '?' : token;
  });
}
