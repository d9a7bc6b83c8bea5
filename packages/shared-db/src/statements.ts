import type { Activity } from './activity.ts';
import type { DatabaseContext } from './database.ts';
import { SHOWN_STATEMENTS, type SlowStatementSnapshot, type StatementSnapshot } from './snapshot.ts';
import { withoutValues } from './statement-text.ts';
import { Stopwatch } from './stopwatch.ts';

/** Statements that are told apart, by the beginning of their text: whoever builds SQL from data ends up in the last one. */
const MOST = 1_000;
/** How often a slow statement is said in the log, at most: a slow loop would fill it. */
const LOG_EVERY_MS = 1_000;
/** How many echoed statements a second are said in the log, at most: more would hold up what they are about. */
const MOST_ECHOED = 1_000;
const ECHO_WINDOW_MS = 1_000;
/** What is shown of a text. */
const SHOWN_TEXT = 200;
const OTHER = '(other statements)';

/** One text of SQL: how often it was run, and how long that took. */
export interface StatementUse {
  /** What stands for its text in the memory that a sentinel reads. */
  readonly id: number;
  /** Never holds bound values: those are not in the text. */
  readonly text: string;
  readonly stopwatch: Stopwatch;
  runs: number;
  /** The text as an echo has it, once there was one. */
  echoed?: string;
}

/** What the statements of a database need to know of it. */
type StatementsContext = Pick<DatabaseContext, 'name' | 'clock' | 'logger' | 'activity'> & {
  readonly thresholds: Pick<DatabaseContext['thresholds'], 'slowStatementMs'>;
  /** Absent where nothing is echoed. */
  readonly settings?: Pick<DatabaseContext['settings'], 'echoStatements'>;
};

/** The statements of one database, whichever connection runs them. */
export class Statements {
  readonly #context: StatementsContext;
  readonly #activity: Activity;
  #slowMs: number;
  readonly #uses = new Map<string, StatementUse>();
  readonly #slow: SlowStatementSnapshot[] = [];
  #slowRuns = 0;
  #loggedAt = -Infinity;
  #unsaid = 0;
  #echo: DatabaseContext['settings']['echoStatements'] = false;
  #echoes = 0;
  #echoWindow = -Infinity;

  constructor(context: StatementsContext) {
    this.#context = context;
    this.#activity = context.activity;
    this.#slowMs = context.thresholds.slowStatementMs;
    this.#echo = context.settings?.echoStatements ?? false;
  }

  /** Takes what the settings say now. */
  adopt(): void {
    this.#slowMs = this.#context.thresholds.slowStatementMs;
    this.#echo = this.#context.settings?.echoStatements ?? false;
  }

  /** The record of a text, for all connections. */
  use(sql: string): StatementUse {
    const text = shownOf(sql);
    const known = this.#uses.get(text);
    if (known !== undefined) return known;
    return this.#uses.size < MOST ? this.#add(text, this.#activity.nameStatement(sql)) : this.#other();
  }

  #other(): StatementUse {
    return this.#uses.get(OTHER) ?? this.#add(OTHER, 0);
  }

  #add(text: string, id: number): StatementUse {
    const use: StatementUse = { id, text, runs: 0, stopwatch: new Stopwatch(this.#context.clock) };
    this.#uses.set(text, use);
    return use;
  }

  /** A native call that goes on with a run that was counted: the next row. */
  resume(use: StatementUse): void {
    this.#activity.statement(use.id);
  }

  /** That call is over. */
  pause(): void {
    this.#activity.statement(0);
  }

  /** A native call begins. What it returns goes to `end`. */
  begin(use: StatementUse): number {
    this.#activity.statement(use.id);
    use.runs++;
    // Before it runs: one that never ends is seen, too.
    if (this.#echo !== false) this.#sayEcho(use, {});
    return use.stopwatch.start();
  }

  /** The call is over, well or not. */
  end(use: StatementUse, startedAt: number): void {
    this.#activity.statement(0);
    const ms = use.stopwatch.stop(startedAt);
    if (ms >= this.#slowMs) this.#remember(use, ms);
  }

  /** It was run in another thread or process, where nobody waits for it in vain: slow ones are not remembered. */
  ranElsewhere(use: StatementUse, ms: number): void {
    use.runs++;
    use.stopwatch.add(ms);
    if (this.#echo !== false) this.#sayEcho(use, { ms });
  }

  /** A statement in the log, without the values that may be written into it. Those that are bound are not in the text. */
  #sayEcho(use: StatementUse, others: { readonly ms?: number }): void {
    const { name: database, logger, clock } = this.#context;
    const now = clock.now();
    if (now - this.#echoWindow >= ECHO_WINDOW_MS) {
      const unsaid = this.#echoes - MOST_ECHOED;
      if (unsaid > 0) logger.warn({ database, statements: unsaid }, 'statements were too many to be echoed');
      this.#echoWindow = now;
      this.#echoes = 0;
    }
    if (++this.#echoes > MOST_ECHOED) return;
    use.echoed ??= withoutValues(use.text);
    const label = this.#activity.currentLabel;
    const level = this.#echo === 'debug' ? 'debug' : 'info';
    logger[level]({ database, label, statement: use.echoed, ...others }, 'statement');
  }

  #remember({ text }: StatementUse, ms: number): void {
    const label = this.#activity.currentLabel;
    this.#slowRuns++;
    this.#slow.push(Object.freeze({ statement: text, label, ms, at: this.#context.clock.wallTime() }));
    if (this.#slow.length > SHOWN_STATEMENTS) this.#slow.shift();
    this.#say(text, label, ms);
  }

  #say(statement: string, label: string | undefined, ms: number): void {
    const { name: database, logger, clock } = this.#context;
    const now = clock.now();
    if (now - this.#loggedAt < LOG_EVERY_MS) {
      this.#unsaid++;
      return;
    }
    const more = this.#unsaid === 0 ? '' : `, after ${this.#unsaid} more that were not said`;
    this.#loggedAt = now;
    this.#unsaid = 0;
    logger.warn({ database, label, statement, ms }, `a statement took ${Math.round(ms)} ms${more}`);
  }

  /** Those on which the most time was spent, and the last slow ones, newest first. */
  snapshot(): {
    readonly statements: readonly StatementSnapshot[];
    readonly slowStatements: readonly SlowStatementSnapshot[];
    readonly slowRuns: number;
  } {
    const heaviest = Array.from(this.#uses.values())
      .toSorted((a, b) => b.stopwatch.sumMs - a.stopwatch.sumMs)
      .slice(0, SHOWN_STATEMENTS);
    return {
      statements: Object.freeze(
        heaviest.map(({ text, runs, stopwatch: { sumMs, maxMs } }) =>
          Object.freeze({ statement: text, runs, sumMs, maxMs }),
        ),
      ),
      slowStatements: Object.freeze(this.#slow.toReversed()),
      slowRuns: this.#slowRuns,
    };
  }
}

/** A copy: a part of a string would keep the whole of it in memory. */
function shownOf(sql: string): string {
  return sql.length <= SHOWN_TEXT ? sql : `${Buffer.from(sql.slice(0, SHOWN_TEXT - 1)).toString()}…`;
}
