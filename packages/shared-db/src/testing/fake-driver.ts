import type { Clock } from '@hive/pool';
import type {
  Access,
  Bindable,
  Driver,
  DriverConnection,
  Failure,
  Phase,
  Row,
  RunResult,
  ServerLimits,
} from '../driver/driver.ts';

/** What a fake connection can be asked for. */
export const FAKE_STEPS = [
  'connect',
  'statement',
  'begin',
  'commit',
  'rollback',
  'savepoint',
  'validate',
  'reset',
  'close',
] as const;
/** One of them. */
export type FakeStep = (typeof FAKE_STEPS)[number];

/** What the fake says to a statement: rows to those who read, the rest to those who run it. */
export interface FakeAnswer extends Partial<RunResult> {
  readonly rows?: readonly Row[];
}

/** What a step fails with. Without more it is an error of the database that leaves the connection as it was. */
export interface FakeFailure extends Partial<Omit<Failure, 'message'>> {
  readonly message?: string;
  /** How many times. Default 1. */
  readonly times?: number;
}

/** How a fake driver is made. */
export interface FakeDriverOptions {
  readonly clock: Clock;
  /** Default false: any connection may write, as on a server. */
  readonly singleWriter?: boolean;
  /** What the server that it plays allows. Default: it plays none. */
  readonly server?: ServerLimits;
}

/** An error of the fake driver, which it alone can classify. */
class FakeError extends Error {
  override readonly name = 'FakeError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * A driver in memory whose every step can be slow, fail or never be answered. It parses no SQL and keeps no tables: statements get
 * the answers that were scripted for their text, and `committed` tells which of them lasted. Like a real one it wants to be asked
 * for one thing at a time on each connection; who does otherwise is noted in `faults`.
 */
export class FakeDriver implements Driver {
  readonly name = 'fake';
  readonly singleWriter: boolean;
  readonly server: ServerLimits | undefined;
  /** Every connection there ever was, oldest first. */
  readonly connections: FakeConnection[] = [];
  /** How often each step was begun. */
  readonly counts: Record<FakeStep, number> = Object.fromEntries(FAKE_STEPS.map((step) => [step, 0])) as Record<
    FakeStep,
    number
  >;
  /** Texts of the statements that changed something and lasted, in order: those of a transaction at its COMMIT. */
  readonly committed: string[] = [];
  /** What no caller of a driver may do: interleaved calls on one connection, calls on a closed one. */
  readonly faults: string[] = [];
  readonly #clock: Clock;
  readonly #answers = new Map<string, FakeAnswer | ((params: readonly Bindable[]) => FakeAnswer)>();
  readonly #delays = new Map<FakeStep, number>();
  readonly #failures = new Map<FakeStep, Failure[]>();
  #lostAnswers = 0;
  #mostLive = 0;

  constructor({ clock, singleWriter = false, server }: FakeDriverOptions) {
    this.#clock = clock;
    this.server = server;
    this.singleWriter = singleWriter;
  }

  /** How many connections are open. */
  get live(): number {
    return this.connections.filter(({ open }) => open).length;
  }

  /** How many were open at one time. */
  get mostLive(): number {
    return this.#mostLive;
  }

  /** Scripts what a statement is answered. Without it there are no rows and nothing changes. */
  answer(sql: string, answer: FakeAnswer | ((params: readonly Bindable[]) => FakeAnswer)): void {
    this.#answers.set(sql, answer);
  }

  /** Makes a step take this long from now on; `Infinity` is never. */
  delay(step: FakeStep, ms: number): void {
    this.#delays.set(step, ms);
  }

  /** Makes the next call of a step fail, or the next few. */
  fail(step: FakeStep, failure: FakeFailure = {}): void {
    const { times = 1, kind = 'SQL', message = `${step} failed`, busy = false, fences = false, lost = false } = failure;
    const queue = this.#failures.get(step) ?? [];
    for (let i = 0; i < times; i++) queue.push({ kind, message, busy, fences, lost });
    this.#failures.set(step, queue);
  }

  /** The next COMMIT is done, and the connection breaks before anybody hears of it. */
  loseCommitAnswer(): void {
    this.#lostAnswers++;
  }

  /** Every open connection breaks, as when a server restarts. */
  breakAll(): void {
    for (const connection of this.connections) connection.break();
  }

  async connect(access: Access, { signal }: { readonly signal: AbortSignal }): Promise<FakeConnection> {
    await this.step('connect', signal);
    const connection = new FakeConnection(this, this.connections.length + 1, access);
    this.connections.push(connection);
    this.#mostLive = Math.max(this.#mostLive, this.live);
    return connection;
  }

  classify(error: unknown, during: Phase): Failure | undefined {
    if (!(error instanceof FakeError)) return undefined;
    const { failure } = error;
    return failure.lost && during === 'commit' ? { ...failure, kind: 'OUTCOME_UNKNOWN' } : failure;
  }

  /** One step: counted, as slow as it was made, and failing when that was asked for. */
  async step(step: FakeStep, signal?: AbortSignal): Promise<void> {
    this.counts[step]++;
    const delayMs = this.#delays.get(step) ?? 0;
    if (delayMs > 0) await this.#pass(delayMs, signal);
    const failure = this.#failures.get(step)?.shift();
    if (failure !== undefined) throw new FakeError(failure);
  }

  answerTo(sql: string, params: readonly Bindable[]): FakeAnswer {
    const answer = this.#answers.get(sql) ?? {};
    return typeof answer === 'function' ? answer(params) : answer;
  }

  /** Whether this COMMIT is one whose answer gets lost. */
  losesAnswer(): boolean {
    if (this.#lostAnswers === 0) return false;
    this.#lostAnswers--;
    return true;
  }

  #pass(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = Number.isFinite(ms) ? this.#clock.after(ms, resolve) : undefined;
      signal?.addEventListener('abort', () => {
        timer?.cancel();
        reject(lost('the connect was aborted'));
      });
    });
  }
}

/** One connection of the fake driver. */
export class FakeConnection implements DriverConnection {
  /** Counted from 1. */
  readonly id: number;
  readonly access: Access;
  readonly #driver: FakeDriver;
  #open = true;
  #broken = false;
  #running: string | undefined;
  #uses = 0;
  #iterators = 0;
  #transaction: Access | undefined;
  /** What the open transaction has changed, with a list for each open savepoint behind it. */
  #pending: string[][] = [];

  constructor(driver: FakeDriver, id: number, access: Access) {
    this.#driver = driver;
    this.id = id;
    this.access = access;
  }

  get open(): boolean {
    return this.#open;
  }

  get inTransaction(): boolean {
    return this.#transaction !== undefined;
  }

  get dirty(): boolean {
    return this.inTransaction || this.#iterators > 0;
  }

  get uses(): number | undefined {
    return this.#running === undefined ? this.#uses : undefined;
  }

  lend(): unknown {
    return this;
  }

  /** It works no more, and nobody has been told. What was not committed is gone. */
  break(): void {
    this.#broken = true;
    this.#forget();
  }

  all(sql: string, params: readonly Bindable[]): Promise<Row[]> {
    return this.#call('statement', () => [...(this.#driver.answerTo(sql, params).rows ?? [])]);
  }

  get(sql: string, params: readonly Bindable[]): Promise<Row | undefined> {
    return this.#call('statement', () => this.#driver.answerTo(sql, params).rows?.[0]);
  }

  run(sql: string, params: readonly Bindable[]): Promise<RunResult> {
    return this.#call('statement', () => {
      this.#change(sql);
      const { changes = 0, lastInsertRowid = 0 } = this.#driver.answerTo(sql, params);
      return { changes, lastInsertRowid };
    });
  }

  async exec(sql: string): Promise<void> {
    await this.#call('statement', () => {
      this.#change(sql);
    });
  }

  async *iterate(sql: string, params: readonly Bindable[]): AsyncIterableIterator<Row> {
    this.#iterators++;
    try {
      for (const row of await this.all(sql, params)) {
        await this.#call('statement', () => undefined);
        yield row;
      }
    } finally {
      // A driver closes a cursor on its connection.
      const fault = this.#open ? this.#fault('statement') : undefined;
      if (fault !== undefined) this.#driver.faults.push(fault);
      this.#iterators--;
    }
  }

  async begin(access: Access): Promise<void> {
    await this.#call('begin', () => {
      this.#transaction = access;
      this.#pending = [[]];
    });
  }

  async commit(): Promise<void> {
    await this.#call('commit', () => {
      this.#driver.committed.push(...this.#pending.flat());
      this.#forget();
      if (!this.#driver.losesAnswer()) return;
      this.#broken = true;
      throw lost('the answer to COMMIT was lost');
    });
  }

  async rollback(): Promise<void> {
    await this.#call('rollback', () => {
      this.#forget();
    });
  }

  async savepoint(depth: number): Promise<void> {
    await this.#call('savepoint', () => {
      this.#pending = [...this.#pending.slice(0, depth), []];
    });
  }

  async releaseSavepoint(depth: number): Promise<void> {
    await this.#call('savepoint', () => {
      const inner = this.#pending.splice(depth).flat();
      this.#pending.at(-1)?.push(...inner);
    });
  }

  async rollbackToSavepoint(depth: number): Promise<void> {
    await this.#call('savepoint', () => {
      this.#pending = [...this.#pending.slice(0, depth), []];
    });
  }

  async validate(): Promise<boolean> {
    await this.#driver.step('validate');
    return this.#open && !this.#broken;
  }

  async reset(): Promise<void> {
    await this.#call('reset', () => {
      this.#forget();
    });
  }

  /** Whatever it is doing: closing in the middle of a call is allowed. */
  async close(): Promise<void> {
    this.#open = false;
    this.#forget();
    await this.#driver.step('close');
  }

  async #call<T>(step: FakeStep, work: () => T): Promise<T> {
    const fault = this.#fault(step);
    if (fault !== undefined) {
      this.#driver.faults.push(fault);
      throw new Error(`BUG: ${fault}`);
    }
    this.#running = step;
    this.#uses++;
    try {
      await this.#driver.step(step);
      if (this.#broken || !this.#open) throw lost('the connection is broken');
      return work();
    } catch (error) {
      if (error instanceof FakeError && error.failure.lost) this.break();
      throw error;
    } finally {
      this.#running = undefined;
    }
  }

  #fault(step: FakeStep): string | undefined {
    if (!this.#open) return `${step} on connection ${this.id}, which is closed`;
    if (this.#running === undefined) return undefined;
    return `${step} on connection ${this.id} during its ${this.#running}`;
  }

  #change(sql: string): void {
    if (this.#transaction === 'read' || this.access === 'read')
      throw new FakeError({ kind: 'READ_ONLY', message: 'this cannot write', busy: false, fences: false, lost: false });
    const target = this.#pending.at(-1) ?? this.#driver.committed;
    target.push(sql);
  }

  #forget(): void {
    this.#transaction = undefined;
    this.#pending = [];
  }
}

function lost(message: string): FakeError {
  return new FakeError({ kind: 'CONNECTION_LOST', message, busy: false, fences: false, lost: true });
}
