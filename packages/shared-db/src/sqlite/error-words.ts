/**
 * The words of an error that came up while a statement ran, without what they may quote of a value: a trigger can say anything, and
 * extensions quote what they stumbled over, behind a colon or a quotation mark. Constraints of the schema name only the schema.
 * `isSchemaText` tells whether a text stands in the schema as it is.
 */
export function wordsWithoutValues(
  { code, message }: { readonly code: string; readonly message: string },
  isSchemaText: (text: string) => boolean,
): string {
  if (code === 'SQLITE_CONSTRAINT_TRIGGER') return isSchemaText(message) ? message : 'a trigger refused the change';
  if (code.startsWith('SQLITE_CONSTRAINT') && code !== 'SQLITE_CONSTRAINT_VTAB') return message;
  const [safe = ''] = /^(?:fts5: )?[^'":]*/.exec(message) ?? [];
  return safe === message ? message : `${safe.trimEnd()} …`;
}
