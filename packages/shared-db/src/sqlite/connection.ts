import { textOfStack } from '../call-site.ts';
import type { Bindable, Row, RunResult } from '../driver/driver.ts';
import { DatabaseError } from '../errors.ts';
import type { StatementUse, Statements } from '../statements.ts';
import { SqliteError, type SqliteHandle, type SqliteStatement } from './engine.ts';
import { wordsWithoutValues } from './error-words.ts';
import { suspicionFor, toSafeNumbers, type IntegerMode, type Suspicion } from './integers.ts';
import { lendHandle } from './lent-handle.ts';
import { NUL, refusalOf } from './sql-text.ts';

/** Compiled statements that a connection keeps: compiling one again costs twice as much as running it. */
const CACHED_STATEMENTS = 200;

/** Whether a transaction is open after them. Statements on the savepoints inside it leave it as it was. */
const STATE_AFTER: ReadonlyMap<string, boolean> = new Map([
  ['BEGIN', true],
  ['BEGIN IMMEDIATE', true],
  ['COMMIT', false],
  ['ROLLBACK', false],
]);

interface Prepared {
  readonly statement: SqliteStatement;
  readonly use: StatementUse;
  /** Undefined when integers need no check. */
  readonly suspicion: Suspicion | undefined;
  /** Rows come with bigints and are turned into numbers: for statements that must not run twice to be checked. */
  readonly converts: boolean;
  /** How many columns it had when it was compiled. */
  readonly columns: number;
}

/** A statement of our own. */
interface Control extends Pick<Prepared, 'statement' | 'use'> {
  /** Whether a transaction is open after it; undefined when it is as it was. */
  readonly opens: boolean | undefined;
}

/** One SQLite connection and its compiled statements. Synchronous; knows nothing of pools, labels or promises. */
export class SqliteConnection {
  readonly raw: SqliteHandle;
  /** Tells it from every other one, for those who are not to have it. */
  readonly key: symbol = Symbol('connection');
  #uses = 0;
  readonly #integers: IntegerMode;
  readonly #statements: Statements;
  readonly #prepared = new Map<string, Prepared>();
  readonly #iterators = new Set<IterableIterator<unknown>>();
  // A loop runs one statement: comparing it to the last one spares the look-up.
  #lastSql = '';
  #last: Prepared | undefined;
  #control = new Map<string, Control>();
  #compileError: unknown;
  /** Whether a transaction is open, as far as that is known without asking the engine; undefined when something may have changed it. */
  #inTransaction: boolean | undefined;
  /** What somebody else has of it. */
  #lent: SqliteHandle | undefined;

  constructor(handle: SqliteHandle, integers: IntegerMode, statements: Statements) {
    this.raw = handle;
    this.#integers = integers;
    this.#statements = statements;
  }

  /** How often a statement was run on it, or a step of one, also by who has the handle itself. */
  get uses(): number {
    return this.#uses;
  }

  /** Whether an iterator is open. */
  get iterating(): boolean {
    return this.#iterators.size > 0;
  }

  /**
   * Whether a transaction is open. Asking the engine costs as much as a row. It is asked when a statement has failed, which alone can end
   * a transaction unasked, and always when somebody else has had the handle.
   */
  get inTransaction(): boolean {
    if (this.#lent !== undefined) return this.raw.inTransaction;
    this.#inTransaction ??= this.raw.inTransaction;
    return this.#inTransaction;
  }

  /**
   * The handle, for somebody who may do with it what he likes. `assertLent` is asked before each use of it and of what comes from it, and throws
   * once it is not his any more: that of the first call.
   */
  lend(assertLent: () => void): SqliteHandle {
    this.#lent ??= lendHandle(this.raw, this.#iterators, {
      assertLent,
      used: () => {
        this.#uses++;
      },
    });
    return this.#lent;
  }

  get(sql: string, params: readonly Bindable[]): Row | undefined {
    const prepared = this.#find(sql);
    let row: Row | undefined;
    const startedAt = this.#statements.begin(prepared.use);
    try {
      row = getOf(prepared.statement, params);
    } finally {
      this.#statements.end(prepared.use, startedAt);
    }
    if (row === undefined) return undefined;
    if (prepared.converts) return toSafeNumbers(row);
    return prepared.suspicion?.ofRow(row) === true ? this.#rowAgain(sql, prepared, params) : row;
  }

  all(sql: string, params: readonly Bindable[]): Row[] {
    const prepared = this.#find(sql);
    let rows: Row[];
    const startedAt = this.#statements.begin(prepared.use);
    try {
      rows = prepared.statement.all(...params) as Row[];
    } finally {
      this.#statements.end(prepared.use, startedAt);
    }
    const { suspicion } = prepared;
    if (prepared.converts) for (const row of rows) toSafeNumbers(row);
    else if (suspicion?.ofRows(rows) === true) return this.#rowsAgain(sql, prepared, params);
    return rows;
  }

  run(sql: string, params: readonly Bindable[]): RunResult {
    const prepared = this.#find(sql);
    let result: RunResult;
    const startedAt = this.#statements.begin(prepared.use);
    try {
      result = prepared.statement.run(...params);
    } finally {
      this.#statements.end(prepared.use, startedAt);
    }
    if (this.#integers !== 'safe' || Number.isSafeInteger(result.lastInsertRowid)) return result;
    return { ...result, lastInsertRowid: this.#exactRowId() };
  }

  /** An open iterator keeps the whole connection busy; it is closed at the latest by `closeIterators`. */
  *iterate(sql: string, params: readonly Bindable[]): IterableIterator<Row> {
    const prepared = this.#prepare(sql);
    // An iteration cannot be started again to be checked: its own statement reads bigints from the start.
    if (prepared.suspicion !== undefined) prepared.statement.safeIntegers(true);
    const converts = prepared.suspicion !== undefined || prepared.converts;
    const rows = prepared.statement.iterate(...params) as IterableIterator<Row>;
    this.#iterators.add(rows);
    try {
      let { value, done } = this.#timed(prepared.use, () => rows.next());
      for (; done !== true; { value, done } = this.#resumed(prepared.use, () => rows.next())) {
        yield converts ? toSafeNumbers(value) : value;
      }
    } finally {
      this.#iterators.delete(rows);
      rows.return?.();
    }
  }

  exec(sql: string): void {
    const refusal = refusalOf(sql);
    if (refusal !== undefined) throw refused(refusal);
    this.#timed(this.#statements.use(sql), () => this.#compiling(() => this.raw.exec(sql)));
    // The schema may have changed: what was compiled for the old one still runs, but its column names may be stale.
    this.#forget();
  }

  /** Runs a statement of our own that callers may not run: BEGIN, COMMIT, savepoints. */
  control(sql: string): void {
    let control = this.#control.get(sql);
    if (control === undefined) {
      control = { statement: this.raw.prepare(sql), use: this.#statements.use(sql), opens: STATE_AFTER.get(sql) };
      this.#control.set(sql, control);
    }
    this.#uses++;
    const startedAt = this.#statements.begin(control.use);
    const before = this.#inTransaction;
    this.#inTransaction = undefined;
    try {
      control.statement.run();
    } finally {
      this.#statements.end(control.use, startedAt);
    }
    this.#inTransaction = control.opens ?? before;
  }

  /** A native call, where nanoseconds do not count. */
  #timed<T>(use: StatementUse, call: () => T): T {
    this.#uses++;
    const startedAt = this.#statements.begin(use);
    try {
      return call();
    } finally {
      this.#statements.end(use, startedAt);
    }
  }

  #resumed<T>(use: StatementUse, call: () => T): T {
    this.#uses++;
    this.#statements.resume(use);
    try {
      return call();
    } finally {
      this.#statements.pause();
    }
  }

  /**
   * Takes note of an error of a statement; returns it without what it quotes of bound and stored values. What came up while a text was
   * compiled quotes the text alone and stays as it is.
   */
  failed(error: unknown): unknown {
    this.#inTransaction = undefined;
    if (!(error instanceof SqliteError) || error === this.#compileError) return error;
    const words = wordsWithoutValues(error, (text) => this.#isInTrigger(text));
    if (words === error.message) return error;
    const clean = new SqliteError(words, error.code);
    clean.stack = textOfStack(error).replace(error.message, () => words);
    return clean;
  }

  closeIterators(): void {
    if (this.#iterators.size === 0) return;
    for (const rows of this.#iterators) rows.return?.();
    this.#iterators.clear();
  }

  close(): void {
    this.closeIterators();
    this.#forget();
    this.#control = new Map();
    this.raw.close();
  }

  #find(sql: string): Prepared {
    this.#uses++;
    if (sql === this.#lastSql && this.#last !== undefined) return this.#last;
    const prepared = this.#prepared.get(sql) ?? this.#remember(sql, this.#prepare(sql));
    this.#lastSql = sql;
    this.#last = prepared;
    return prepared;
  }

  /** One statement, or all of them. */
  #forget(sql?: string): void {
    this.#last = undefined;
    if (sql === undefined) this.#prepared.clear();
    else this.#prepared.delete(sql);
  }

  #prepare(sql: string): Prepared {
    const refusal = refusalOf(sql);
    if (refusal !== undefined) throw refused(refusal);
    const statement = this.#compiling(() => this.raw.prepare(sql));
    const checks = this.#integers === 'safe' && statement.reader;
    const converts = checks && !statement.readonly;
    if (this.#integers === 'bigint' || converts) statement.safeIntegers(true);
    const columns = checks ? statement.columns() : [];
    const suspicion = checks && !converts ? suspicionFor(columns, sql.includes('*')) : undefined;
    return { statement, use: this.#statements.use(sql), suspicion, converts, columns: columns.length };
  }

  #exactRowId(): bigint {
    return this.raw.prepare('SELECT last_insert_rowid()').pluck().safeIntegers().get() as bigint;
  }

  #compiling<T>(compile: () => T): T {
    try {
      return compile();
    } catch (error) {
      this.#compileError = error;
      throw error;
    }
  }

  #isInTrigger(text: string): boolean {
    const literal = `'${text.replaceAll("'", "''")}'`;
    const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND instr(sql, ?) LIMIT 1";
    return this.raw.prepare(sql).get(literal) !== undefined;
  }

  #remember(sql: string, prepared: Prepared): Prepared {
    if (this.#prepared.size >= CACHED_STATEMENTS) {
      const [oldest] = this.#prepared.keys();
      if (oldest !== undefined) this.#forget(oldest);
    }
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  // In functions of their own: a closure over the parameters would be paid for by every call that needs none.

  #rowAgain(sql: string, prepared: Prepared, params: readonly Bindable[]): Row | undefined {
    const row = this.#again(sql, prepared, () => getOf(prepared.statement, params));
    return row === undefined ? undefined : toSafeNumbers(row);
  }

  #rowsAgain(sql: string, prepared: Prepared, params: readonly Bindable[]): Row[] {
    const rows = this.#again(sql, prepared, () => prepared.statement.all(...params) as Row[]);
    for (const row of rows) toSafeNumbers(row);
    return rows;
  }

  /** A number was too large to tell whether digits were lost: the statement only reads, so it reads again, exactly. */
  #again<T>(sql: string, { statement, columns }: Prepared, read: () => T): T {
    // Somebody has changed the schema: next time it is compiled for the new one.
    if (statement.columns().length !== columns) this.#forget(sql);
    statement.safeIntegers(true);
    try {
      return read();
    } finally {
      statement.safeIntegers(false);
    }
  }
}

/** Most have one parameter; spreading it costs half a per cent of the call. */
function getOf(statement: SqliteStatement, params: readonly Bindable[]): Row | undefined {
  return (params.length === 1 ? statement.get(params[0]) : statement.get(...params)) as Row | undefined;
}

function refused(refusal: string): DatabaseError {
  return new DatabaseError('WRONG_USE', `${refusal} and is not accepted as SQL text`, {
    advice:
      refusal === NUL
        ? 'leave it out, and give values as parameters'
        : 'use transaction(), nested tx.transaction(), migrations or the options of the database instead',
  });
}
