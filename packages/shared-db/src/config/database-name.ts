/** The name of a database: safe in a path, a metric, a log line and, in capitals, a variable. */
export const DATABASE_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** Whether it is a text, and the name of a database. A pattern alone takes `undefined` for a name of nine letters. */
export function isDatabaseName(name: unknown): name is string {
  return typeof name === 'string' && DATABASE_NAME.test(name);
}

/** The same in words. */
export const DATABASE_NAME_IN_WORDS =
  'a lower-case letter and then at most 62 lower-case letters, digits, hyphens or underscores';

/** What settings may be given for: the name of a database, or a pattern with one `*` in it that stands for many. */
export const DATABASE_KEY = /^(?=[^*]*\*?[^*]*$)[a-z][a-z0-9_*-]{0,62}$/;

/** Whether it is a text, and what settings may be given for. */
export function isDatabaseKey(key: unknown): key is string {
  return typeof key === 'string' && DATABASE_KEY.test(key);
}
