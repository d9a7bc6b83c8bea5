import { Breather, type Clock } from '@hive/pool';
import { DatabaseError } from '../errors.ts';
import type { SqlValue } from '../driver/driver.ts';
import type { Job, OffloadedDatabase } from './job.ts';
import {
  FAILED,
  PACKED,
  type DatabaseName,
  type FromReader,
  type ReadFailure,
  type Requests,
  type StatementName,
} from './message.ts';
import { asBuffers } from './packed-rows.ts';
import { RowShape } from './row-shape.ts';
import type { Transport, TransportEvents } from './transport.ts';
import { Unpacking } from './unpacking.ts';

/** Statements that a reader knows by number, before all are told anew. */
const MOST_STATEMENTS = 10_000;
/** What an empty result is made with. */
const NO_SHAPE = new RowShape([]);
/** Numbers of requests begin anew behind this: their negatives must fit as well. */
const LAST_REQUEST = 2_147_483_646;

/** A job that a reader has. */
interface Sent {
  readonly job: Job;
  readonly request: number;
  readonly place: number;
}

/** What it has been given and is yet to be sent. */
interface Outbox {
  readonly databases: DatabaseName[];
  readonly statements: StatementName[];
  readonly requests: Requests;
}

interface KnownDatabase {
  readonly id: number;
  readonly statements: Map<string, number>;
}

/** What one reader is to its crew. */
export interface MemberEvents {
  /** Answers have come: it has room again. */
  readonly answered: (member: Member) => void;
  readonly gone: (member: Member, reason: string) => void;
}

/** One reader, a thread or a process: what it has been given, and what it has said. Gathers what it is given until `flush`. */
export class Member {
  readonly #clock: Clock;
  readonly #transport: Transport;
  readonly #unpacking: Unpacking;
  readonly #breather: Breather;
  readonly #sent = new Map<number, Sent>();
  readonly #freePlaces: number[];
  readonly #databases = new Map<OffloadedDatabase, KnownDatabase>();
  /** Who waits for a connection to be closed, by the number of the database. */
  readonly #closing = new Map<number, () => void>();
  readonly #shapes = new Map<number, RowShape>();
  readonly #ended = Promise.withResolvers<void>();
  #outbox: Outbox | undefined;
  #lastRequest = 0;
  #lastStatement = 0;
  #lastDatabase = 0;
  #started = false;
  /** When it last said something, or was given something while it had nothing. */
  #heardAt: number;
  /** Told to end: it gets nothing more. */
  ending = false;
  /** Since when the statement that it runs is one that nobody waits for any more. */
  stuckSince: number | undefined;

  constructor(start: (events: TransportEvents) => Transport, window: number, events: MemberEvents, clock: Clock) {
    this.#clock = clock;
    this.#breather = new Breather(clock);
    this.#heardAt = clock.now();
    this.#freePlaces = Array.from({ length: window }, (_, index) => window - 1 - index);
    this.#transport = start({
      started: () => {
        this.#started = true;
        this.#heardAt = this.#clock.now();
        this.flush();
      },
      heard: (message) => {
        this.#inTime(() => {
          this.#hear(message, events);
        });
      },
      gone: (reason) => {
        this.#inTime(() => {
          for (const closed of this.#closing.values()) closed();
          this.#ended.resolve();
          events.gone(this, reason);
        });
      },
    });
    this.#unpacking = new Unpacking(clock, () => this.#transport.nextPackage());
  }

  get mortal(): boolean {
    return this.#transport.mortal;
  }

  get pid(): number | undefined {
    return this.#transport.pid;
  }

  /** Resolves when it has ended, however. */
  get gone(): Promise<void> {
    return this.#ended.promise;
  }

  get load(): number {
    return this.#sent.size;
  }

  get hasRoom(): boolean {
    return this.#freePlaces.length > 0;
  }

  /** For how long it has had nothing to do. */
  idleMs(now: number): number {
    return this.load > 0 ? 0 : now - this.#heardAt;
  }

  /** For how long it has not said anything though it has something to do: what it runs takes long. */
  silentMs(now: number): number {
    return this.load === 0 || !this.#started ? 0 : now - this.#heardAt;
  }

  /** For how long the job that it has begun has been running. */
  runningMs(now: number): number {
    return this.load === 0 ? 0 : now - this.#heardAt;
  }

  /** The job that it has begun, as far as can be told; a process, which has one at a time, has begun it. */
  running(): Job | undefined {
    for (const sent of this.#sent.values()) if (this.#isBegun(sent)) return sent.job;
    return undefined;
  }

  isRunning(job: Job): boolean {
    const sent = this.#sentOf(job);
    return sent !== undefined && this.#isBegun(sent);
  }

  knows(database: OffloadedDatabase): boolean {
    return this.#databases.has(database);
  }

  /** Gives it a job. Throws where the database must not be opened; then nothing is sent. */
  give(job: Job): void {
    if (this.#lastStatement >= MOST_STATEMENTS) this.#forgetStatements();
    const database = this.#databases.get(job.order.database) ?? this.#name(job.order.database);
    const statement = database.statements.get(job.order.sql) ?? this.#nameStatement(database, job.order.sql);
    const place = this.#freePlaces.pop();
    if (place === undefined) throw new Error('BUG: a reader was given more than it takes');
    this.#lastRequest = this.#lastRequest === LAST_REQUEST ? 1 : this.#lastRequest + 1;
    const request = this.#lastRequest;
    if (this.load === 0) this.#heardAt = this.#clock.now();
    this.#sent.set(request, { job, request, place });
    this.#transport.claims?.offer(place, request);
    this.#out().requests.push(request, place, statement, job.order.params);
  }

  /** Sends what it has been given, if not before it works: what cannot be taken back is kept so long. */
  flush(): void {
    if (this.#outbox === undefined || !this.#isSending) return;
    this.#transport.post({ kind: 'read', ...this.#outbox });
    this.#outbox = undefined;
  }

  /** Takes a job back. False where it has begun it, or does not have it. */
  takeBack(job: Job): boolean {
    const sent = this.#sentOf(job);
    if (sent === undefined || !this.#tookBack(sent)) return false;
    this.#forget(sent);
    return true;
  }

  #tookBack({ place, request }: Sent): boolean {
    const { claims } = this.#transport;
    if (claims !== undefined) return claims.takeBack(place, request);
    if (this.#isSending || this.#outbox === undefined) return false;
    // It has one at a time.
    this.#outbox.requests.length = 0;
    return true;
  }

  get #isSending(): boolean {
    return this.#transport.claims !== undefined || this.#started;
  }

  /** Takes back all that it has not begun. */
  takeBackAll(): Job[] {
    const jobs = Array.from(this.#sent.values(), ({ job }) => job);
    return jobs.filter((job) => this.takeBack(job));
  }

  /** All that it had, when it has ended: what it has begun, and what it has not. */
  leftovers(): { readonly begun: readonly Job[]; readonly waiting: readonly Job[] } {
    const waiting = this.takeBackAll();
    const begun = Array.from(this.#sent.values(), ({ job }) => job);
    this.#sent.clear();
    return { begun, waiting };
  }

  /** Closes its connection to a database; what it is given afterwards has another one. Resolves when that is done, or the reader has ended. */
  async closeDatabase(database: OffloadedDatabase): Promise<void> {
    const known = this.#databases.get(database);
    if (known === undefined) return;
    this.flush();
    this.#databases.delete(database);
    const closed = Promise.withResolvers<undefined>();
    this.#closing.set(known.id, () => {
      closed.resolve(undefined);
    });
    this.#transport.post({ kind: 'close', database: known.id });
    await closed.promise;
  }

  /** Asks it to end when it has done what it is doing. */
  end(): void {
    this.ending = true;
    this.flush();
    this.#transport.post({ kind: 'end' });
  }

  kill(): void {
    this.ending = true;
    this.#transport.kill();
  }

  /** The runtime hears up to a thousand messages in one turn of the event loop, and whoever asks again at once keeps it at that. */
  #inTime(hear: () => void): void {
    this.#heardAt = this.#clock.now();
    if (this.#breather.check(this.#heardAt)) this.#breather.hold(hear);
    else hear();
  }

  #hear(message: FromReader, events: MemberEvents): void {
    switch (message.kind) {
      case 'answers':
        for (const { id, names } of message.shapes) this.#shapes.set(id, new RowShape(names));
        if (message.blobs) asBuffers(message.answers as SqlValue[]);
        this.#hearAnswers(message.answers);
        events.answered(this);
        return;
      case 'closed':
        this.#closing.get(message.database)?.();
        this.#closing.delete(message.database);
        return;
      case 'ready':
      case 'package':
        throw new Error(`BUG: ${message.kind} came by the wrong way`);
    }
  }

  #hearAnswers(answers: readonly unknown[]): void {
    for (let at = 0; at < answers.length; at += 4) {
      const sent = this.#sent.get(answers[at] as number);
      if (sent === undefined) throw new Error(`BUG: request ${String(answers[at])} was answered and not asked`);
      this.#forget(sent);
      at += this.#hearAnswer(sent.job, answers, at);
    }
  }

  /** Returns how many values there were behind the four that each answer has. */
  #hearAnswer(job: Job, answers: readonly unknown[], at: number): number {
    const shape = answers[at + 1] as number;
    const count = answers[at + 2] as number;
    const ms = answers[at + 3] as number;
    switch (shape) {
      case FAILED:
        job.failed(answers[at + 4] as ReadFailure, ms);
        return 1;
      case PACKED:
        this.#unpacking.add(answers[at] as number, count, this.#shapeOf(answers[at + 4] as number), (rows) => {
          if (rows !== undefined) job.done(() => rows, ms);
          else job.refuse(() => readerLost(job, 'it ended before all rows had come'));
        });
        return 1;
      default: {
        const { rows, names } = count === 0 ? NO_SHAPE : this.#shapeOf(shape);
        job.done(() => rows(answers as readonly SqlValue[], at + 4, count), ms);
        return count * names.length;
      }
    }
  }

  #shapeOf(id: number): RowShape {
    const shape = this.#shapes.get(id);
    if (shape === undefined) throw new Error(`BUG: nobody has named shape ${id}`);
    return shape;
  }

  #isBegun({ place, request }: Sent): boolean {
    return this.#transport.claims?.isBegun(place, request) ?? this.#started;
  }

  #sentOf(job: Job): Sent | undefined {
    for (const sent of this.#sent.values()) if (sent.job === job) return sent;
    return undefined;
  }

  #forget({ request, place }: Sent): void {
    this.#sent.delete(request);
    this.#freePlaces.push(place);
  }

  #out(): Outbox {
    this.#outbox ??= { databases: [], statements: [], requests: [] };
    return this.#outbox;
  }

  #name(database: OffloadedDatabase): KnownDatabase {
    database.assertSame();
    const id = ++this.#lastDatabase;
    const { path, integers } = database;
    const known: KnownDatabase = { id, statements: new Map() };
    this.#databases.set(database, known);
    this.#out().databases.push({ id, path, integers });
    return known;
  }

  #nameStatement({ id: database, statements }: KnownDatabase, sql: string): number {
    const id = this.#lastStatement++;
    statements.set(sql, id);
    this.#out().statements.push({ id, database, sql });
    return id;
  }

  /** Numbers are used again, but not within one message. */
  #forgetStatements(): void {
    this.flush();
    this.#lastStatement = 0;
    for (const { statements } of this.#databases.values()) statements.clear();
  }
}

/** Whoever was reading has ended: to read again does no harm. */
export function readerLost(job: Job, reason: string): DatabaseError {
  return new DatabaseError('CONNECTION_LOST', `the thread or process that ran the statement has ended: ${reason}`, {
    database: job.order.database.name,
    label: job.order.label,
    advice: 'read again; where it ends each time, ask for fewer rows at once',
  });
}
