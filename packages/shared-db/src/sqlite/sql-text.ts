import { shown } from '../config/problem.ts';
import { DatabaseError } from '../errors.ts';

const TRANSACTION_CONTROL = new Set(['BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'SAVEPOINT', 'RELEASE']);

/** Pragmas that only tell something, and those whose effect ends with the transaction. */
const HARMLESS_PRAGMAS = new Set([
  'APPLICATION_ID',
  'COLLATION_LIST',
  'COMPILE_OPTIONS',
  'DATABASE_LIST',
  'DATA_VERSION',
  'DEFER_FOREIGN_KEYS',
  'ENCODING',
  'FOREIGN_KEY_CHECK',
  'FOREIGN_KEY_LIST',
  'FREELIST_COUNT',
  'FUNCTION_LIST',
  'INDEX_INFO',
  'INDEX_LIST',
  'INDEX_XINFO',
  'INTEGRITY_CHECK',
  'MODULE_LIST',
  'PAGE_COUNT',
  'PAGE_SIZE',
  'PRAGMA_LIST',
  'QUICK_CHECK',
  'TABLE_INFO',
  'TABLE_LIST',
  'TABLE_XINFO',
  'USER_VERSION',
]);
/** Of those, the ones that take a value with `=` or in parentheses and would store it outside the transaction's rules. */
const READ_ONLY_PRAGMAS = new Set(['ENCODING', 'PAGE_COUNT', 'PAGE_SIZE', 'DATA_VERSION']);

/** Why what holds a NUL may not be run: the engine would not read on behind it. */
export const NUL = 'a NUL character ends the text early';

/** The first tokens of a statement decide; a statement of a megabyte is not kept. */
const KEPT = 12;

/**
 * Why a text may not be run by a caller, or undefined when it may. Transactions belong to the service, attached files would
 * escape its checks, and a pragma on a pooled connection would stay for the next borrower. Throws `WRONG_USE` for what is no text.
 */
export function refusalOf(sql: string): string | undefined {
  if (typeof sql !== 'string')
    throw new DatabaseError('WRONG_USE', `the SQL is ${shown(sql, 'an object')}; expected a text`);
  if (sql.includes('\0')) return NUL;
  for (const statement of statementsOf(sql)) {
    const refusal = refusalOfStatement(statement);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

// What is explained is looked at as well: a pragma takes effect when it is compiled, whether or not it is ever run.
function refusalOfStatement(tokens: readonly string[]): string | undefined {
  const words = explained(tokens).map(unquoted);
  const [first = ''] = words;
  if (TRANSACTION_CONTROL.has(first)) return `${first} is transaction control`;
  if (first === 'ATTACH' || first === 'DETACH') return `${first} opens or closes another file`;
  if (first === 'VACUUM') return 'VACUUM rewrites or copies the whole file';
  if (first !== 'PRAGMA') return undefined;
  // `PRAGMA name` or `PRAGMA schema.name`
  const name = (words[2] === '.' ? words[3] : words[1]) ?? '';
  if (!HARMLESS_PRAGMAS.has(name)) return `PRAGMA ${name.toLowerCase()} changes the connection`;
  if (READ_ONLY_PRAGMAS.has(name) && words.some((word) => word === '=' || word === '('))
    return `PRAGMA ${name.toLowerCase()} with a value changes the file`;
  return undefined;
}

// As SQLite's tokenizer has it (tokenize.c): a byte order mark between tokens is white space. A doubled quote is taken for two texts
// side by side, which comes to the same here and needs no stack for a text of megabytes.
const TOKEN =
  /\u{FEFF}|--[^\n]*|\/\*[^]*?(?:\*\/|$)|'[^']*'?|"[^"]*"?|`[^`]*`?|\[[^\]]*\]?|[A-Za-z_\u{80}-\u{10ffff}][\w$\u{80}-\u{10ffff}]*|\S/gu;

/**
 * Splits a text into statements, each as its first tokens, as SQLite's own `sqlite3_complete` does: a semicolon ends a statement, but
 * CREATE TRIGGER ends only with one that follows END that follows one.
 */
function statementsOf(sql: string): readonly (readonly string[])[] {
  const statements: string[][] = [];
  let statement: string[] = [];
  let trigger = false;
  let previous = '';
  let beforePrevious = '';
  const finish = (): void => {
    if (statement.length > 0) statements.push(statement);
    statement = [];
    trigger = false;
  };
  for (const [token] of sql.matchAll(TOKEN)) {
    if (token === '\u{FEFF}' || token.startsWith('--') || token.startsWith('/*')) continue;
    const word = token.length <= KEPT ? token.toUpperCase() : token;
    if (word !== ';') {
      if (statement.length < KEPT) {
        statement.push(token);
        trigger ||= isTrigger(statement);
      }
    } else if (!trigger || (previous === 'END' && beforePrevious === ';')) finish();
    beforePrevious = previous;
    previous = word;
  }
  finish();
  return statements;
}

function isTrigger(tokens: readonly string[]): boolean {
  const [first, second, third] = explained(tokens).map((token) => token.toUpperCase());
  if (first !== 'CREATE') return false;
  return second === 'TRIGGER' || ((second === 'TEMP' || second === 'TEMPORARY') && third === 'TRIGGER');
}

/** The statement behind EXPLAIN and EXPLAIN QUERY PLAN; any other as it is. */
function explained(tokens: readonly string[]): readonly string[] {
  if (tokens[0]?.toUpperCase() !== 'EXPLAIN') return tokens;
  return tokens.slice(tokens[1]?.toUpperCase() === 'QUERY' ? 3 : 1);
}

/** A name as SQLite compares it. */
function unquoted(token: string): string {
  return token.replaceAll(/^["'`[]|["'`\]]$/g, '').toUpperCase();
}
