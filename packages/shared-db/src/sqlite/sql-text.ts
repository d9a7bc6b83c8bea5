/** One statement of a text: its first words, upper-case, without comments. */
interface Statement {
  readonly words: readonly string[];
  readonly text: string;
}

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

/**
 * Why a text may not be run by a caller, or undefined when it may. Transactions belong to the service, attached files would
 * escape its checks, and a pragma on a pooled connection would stay for the next borrower.
 */
export function refusalOf(sql: string): string | undefined {
  for (const statement of statementsOf(sql)) {
    const refusal = refusalOfStatement(statement);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refusalOfStatement({ words, text }: Statement): string | undefined {
  const [first = '', second = '', third = ''] = words;
  if (TRANSACTION_CONTROL.has(first)) return `${first} is transaction control`;
  if (first === 'ATTACH' || first === 'DETACH') return `${first} opens or closes another file`;
  if (first === 'VACUUM') return 'VACUUM rewrites or copies the whole file';
  if (first !== 'PRAGMA') return undefined;
  // `PRAGMA schema.name` names the pragma third.
  const name = /^PRAGMA\s+\w+\s*\.\s*\w+/i.test(text) ? third : second;
  if (!HARMLESS_PRAGMAS.has(name)) return `PRAGMA ${name.toLowerCase()} changes the connection`;
  if (READ_ONLY_PRAGMAS.has(name) && /[=(]/.test(text))
    return `PRAGMA ${name.toLowerCase()} with a value changes the file`;
  return undefined;
}

const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`(?:[^`]|``)*`?|\[[^\]]*\]?|[A-Za-z_\u{80}-\u{10ffff}][\w$\u{80}-\u{10ffff}]*|;|[^\s]/gu;

/**
 * Splits a text into statements as SQLite's own `sqlite3_complete` does: a semicolon ends a statement, but inside CREATE TRIGGER
 * only the one after END.
 */
function statementsOf(sql: string): readonly Statement[] {
  const statements: Statement[] = [];
  let words: string[] = [];
  let text = '';
  let previous = '';
  const finish = (): void => {
    if (words.length > 0) statements.push({ words, text });
    words = [];
    text = '';
  };
  for (const [token] of sql.matchAll(TOKEN)) {
    if (token.startsWith('--') || token.startsWith('/*')) continue;
    const word = /^[A-Za-z_]/.test(token) ? token.toUpperCase() : token;
    if (word === ';') {
      if (!isTrigger(words) || previous === 'END') finish();
    } else {
      // The first dozen words decide; a statement of a megabyte is not copied.
      if (words.length < 12) {
        words.push(word.replaceAll(/^["'`[]|["'`\]]$/g, '').toUpperCase());
        text += `${text === '' ? '' : ' '}${token}`;
      }
    }
    previous = word;
  }
  finish();
  return statements.map(({ words: all, text: of }) => ({ words: all.filter((word) => word !== '.'), text: of }));
}

function isTrigger(words: readonly string[]): boolean {
  if (words[0] === 'EXPLAIN') return isTrigger(words.slice(words[1] === 'QUERY' ? 3 : 1));
  if (words[0] !== 'CREATE') return false;
  return words[1] === 'TRIGGER' || ((words[1] === 'TEMP' || words[1] === 'TEMPORARY') && words[2] === 'TRIGGER');
}
