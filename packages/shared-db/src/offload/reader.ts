import { systemClock, type Clock } from '@hive/pool/clock';
import { Activity } from '../activity.ts';
import type { Bindable, Row, SqlValue } from '../driver/driver.ts';
import { DatabaseError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { SqliteConnection } from '../sqlite/connection.ts';
import { SqliteError } from '../sqlite/engine.ts';
import { openReader } from '../sqlite/open.ts';
import { Statements } from '../statements.ts';
import type { Claims } from './claims.ts';
import { JointReads } from './joint-reads.ts';
import {
  FAILED,
  PACKED,
  type Answers,
  type DatabaseName,
  type FromReader,
  type ReadFailure,
  type Requests,
  type ShapeName,
  type StatementName,
  type ToReader,
} from './message.ts';
import { packagesOf } from './packages.ts';
import type { PackedRows } from './packed-rows.ts';
import { RowShape } from './row-shape.ts';

/** How long SQLite may sleep for a lock here, such as that of a recovery. Who asked waits longer without it, and can be let go. */
const BUSY_TIMEOUT_MS = 50;
/** Results of up to so many values travel as they are, with others: packing costs about what it saves. */
const FEW_VALUES = 600;
/** So many answers are sent together: each message wakes a thread, which costs about as much as two reads. */
const ANSWERS_PER_MESSAGE = 16;
/** Nobody waits longer than that for an answer because the next request takes long, as far as that is known of its statement. */
const HOLD_ANSWERS_MS = 1;
/** Requests of a message that are read in one transaction: beginning and ending one costs as much as it saves two of them. */
const ENOUGH_TO_JOIN = 4;
/** How much of the longest time of a statement counts when it has been quick since: other parameters may take long again. */
const REMEMBERED = 0.9;
/** Names of columns that are told apart before they are all told anew. */
const MOST_SHAPES = 1_000;

/** The way back to whoever asks. */
export interface Reply {
  send(message: FromReader): void;
  /** Sends one package of the large result of a request, before the answer that counts them. */
  pack(request: number, rows: PackedRows): void;
}

interface KnownStatement extends StatementName {
  /** How long it may take, by what it took before. */
  expectedMs: number;
}

interface NumberedShape extends RowShape {
  id: number;
}

/** Runs requests one after the other, in a thread or a process that has nothing else to do. No transaction stays open behind the answers. */
export class Reader {
  readonly #reply: Reply;
  readonly #claims: Pick<Claims, 'begin'> | undefined;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #databases = new Map<number, DatabaseName>();
  readonly #connections = new Map<number, SqliteConnection>();
  readonly #statements = new Map<number, KnownStatement>();
  readonly #joint = new JointReads();
  #joins = false;
  /** The shape that a statement had last. */
  readonly #shapes = new Map<string, NumberedShape>();
  readonly #shapesByNames = new Map<string, NumberedShape>();
  #newShapes: ShapeName[] = [];
  #answers: Answers = [];
  #count = 0;
  #blobs = false;
  #heldSince = 0;

  /** @param claims where whoever asks can take requests back. */
  constructor(reply: Reply, claims: Pick<Claims, 'begin'> | undefined, clock: Pick<Clock, 'now'> = systemClock) {
    this.#reply = reply;
    this.#claims = claims;
    this.#clock = clock;
  }

  hear(message: ToReader): void {
    switch (message.kind) {
      case 'read':
        for (const database of message.databases) this.#databases.set(database.id, database);
        for (const name of message.statements) this.#statements.set(name.id, { ...name, expectedMs: Infinity });
        this.#readAll(message.requests);
        return;
      case 'close':
        this.#close(message.database);
        this.#databases.delete(message.database);
        this.#reply.send({ kind: 'closed', database: message.database });
        return;
      case 'end':
        for (const id of this.#connections.keys()) this.#close(id);
    }
  }

  #readAll(requests: Requests): void {
    this.#joins = requests.length >= 4 * ENOUGH_TO_JOIN;
    for (let i = 0; i < requests.length; i += 4) {
      const request = requests[i] as number;
      if (this.#claims?.begin(requests[i + 1] as number, request) === false) continue;
      this.#answer(request, requests[i + 2] as number, requests[i + 3] as readonly Bindable[]);
    }
    this.#flush();
  }

  #answer(request: number, id: number, params: readonly Bindable[]): void {
    const statement = this.#statements.get(id) ?? unknown('statement', id);
    const startedAt = this.#clock.now();
    if (this.#count > 0 && startedAt - this.#heldSince + statement.expectedMs >= HOLD_ANSWERS_MS) this.#flush();
    const ms = this.#run(request, statement, params, startedAt);
    const { expectedMs } = statement;
    statement.expectedMs = expectedMs === Infinity ? ms : Math.max(ms, expectedMs * REMEMBERED);
    if (this.#count++ === 0) this.#heldSince = startedAt;
    if (this.#count >= ANSWERS_PER_MESSAGE) this.#flush();
  }

  /** Returns how many milliseconds it took. */
  #run(request: number, { database, sql }: StatementName, params: readonly Bindable[], startedAt: number): number {
    let ms: number;
    try {
      const connection = this.#connectionOf(database);
      if (this.#joins) this.#joint.join(connection);
      const rows = connection.all(sql, params);
      ms = this.#clock.now() - startedAt;
      this.#answerRows(request, sql, rows, ms);
    } catch (error) {
      ms = this.#clock.now() - startedAt;
      const connection = this.#connections.get(database);
      this.#answers.push(
        request,
        FAILED,
        0,
        ms,
        failureOf(connection?.failed(error) ?? error, connection === undefined),
      );
    }
    return ms;
  }

  #answerRows(request: number, sql: string, rows: readonly Row[], ms: number): void {
    const [first] = rows;
    if (first === undefined) {
      this.#answers.push(request, 0, 0, ms);
      return;
    }
    const shape = this.#shapeOf(sql, first);
    const width = shape.names.length;
    if (rows.length * width <= FEW_VALUES) {
      const from = this.#answers.push(request, shape.id, rows.length, ms);
      shape.flatten(rows, this.#answers as SqlValue[]);
      this.#blobs ||= hasBlob(this.#answers, from);
    } else {
      const count = this.#pack(request, rows, shape);
      this.#answers.push(request, PACKED, count, ms, shape.id);
    }
  }

  /** Sends a large result in packages. Returns how many there were. */
  #pack(request: number, rows: readonly Row[], shape: RowShape): number {
    let count = 0;
    for (const packed of packagesOf(rows, shape)) {
      this.#reply.pack(request, packed);
      count++;
    }
    return count;
  }

  #shapeOf(sql: string, row: Row): NumberedShape {
    const known = this.#shapes.get(sql);
    if (known?.fits(row) === true) return known;
    const names = Object.keys(row);
    const key = JSON.stringify(names);
    if (this.#shapes.size >= MOST_SHAPES) this.#shapes.clear();
    if (this.#shapesByNames.size >= MOST_SHAPES) {
      // Numbers are used again; what was told before in this message has them already.
      this.#flush();
      this.#shapes.clear();
      this.#shapesByNames.clear();
    }
    const shape = this.#shapesByNames.get(key) ?? this.#nameShape(names);
    this.#shapesByNames.set(key, shape);
    this.#shapes.set(sql, shape);
    return shape;
  }

  #nameShape(names: readonly string[]): NumberedShape {
    const id = this.#shapesByNames.size;
    this.#newShapes.push({ id, names });
    return Object.assign(new RowShape(names), { id });
  }

  #connectionOf(id: number): SqliteConnection {
    const open = this.#connections.get(id);
    if (open !== undefined) return open;
    const { path, integers } = this.#databases.get(id) ?? unknown('database', id);
    const connection = new SqliteConnection(openReader(path, BUSY_TIMEOUT_MS), integers, uncounted());
    this.#connections.set(id, connection);
    return connection;
  }

  #close(id: number): void {
    this.#connections.get(id)?.close();
    this.#connections.delete(id);
  }

  #flush(): void {
    if (this.#count === 0) return;
    this.#joint.end();
    const message = { kind: 'answers', shapes: this.#newShapes, answers: this.#answers, blobs: this.#blobs } as const;
    this.#newShapes = [];
    this.#answers = [];
    this.#count = 0;
    this.#blobs = false;
    this.#reply.send(message);
  }
}

/** Whoever asked counts and times: nobody looks at what is counted here. */
function uncounted(): Statements {
  return new Statements({
    name: '',
    clock: systemClock,
    logger: silentLogger,
    activity: new Activity(),
    thresholds: { slowStatementMs: Infinity },
  });
}

function hasBlob(values: readonly unknown[], from: number): boolean {
  for (let i = from; i < values.length; i++) if (values[i] instanceof Uint8Array) return true;
  return false;
}

function failureOf(error: unknown, isOpening: boolean): ReadFailure {
  if (error instanceof SqliteError) {
    const { code, message } = error;
    return { by: 'engine', during: isOpening ? 'connect' : 'statement', code, message };
  }
  if (error instanceof DatabaseError) {
    const { kind, message, advice } = error;
    // The sentence is made of both; where it happened is known to whoever asked.
    const what = advice === undefined ? message : message.slice(0, -`; ${advice}`.length);
    return { by: 'us', kind, what, advice };
  }
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { by: 'call', name, message };
}

function unknown(what: string, id: number): never {
  throw new Error(`BUG: nobody has named ${what} ${id}`);
}
