/** Statements are told apart up to this many: whoever builds SQL from data ends up in the last one. */
const MOST_STATEMENTS = 1_000;
/** What is kept of a statement's text, and all that tells it apart: no text of any length is kept alive for the sake of its name. */
const SHOWN = 500;

/** Where in the shared memory things lie: whole numbers first, then a moment. */
const LABEL = 0;
const STATEMENT = 1;
const BEAT_AT = 8;
const BYTES = 16;

/** A name that numbers in the shared memory stand for. Statements never hold bound values: those are not in the text. */
export interface ActivityName {
  readonly kind: 'label' | 'statement';
  readonly id: number;
  readonly text: string;
}

/**
 * What the main thread is doing at this moment, in memory that another thread can read while this one is inside a native call: numbers
 * of the label and the statement, and when the event loop last turned. Writing costs a nanosecond or two, and nothing else is done
 * while nobody looks.
 */
export class Activity {
  /** What another thread opens with `readActivity`. */
  readonly memory = new SharedArrayBuffer(BYTES);
  readonly #numbers = new Int32Array(this.memory, 0, 2);
  readonly #beat = new Float64Array(this.memory, BEAT_AT, 1);
  readonly #statements = new Map<string, number>();
  readonly #names: ActivityName[] = [];
  #listener: ((name: ActivityName) => void) | undefined;
  #labels = 0;

  /** The event loop turns. */
  beat(now: number): void {
    this.#beat[0] = now;
  }

  /** Work for a label begins, or ends with 0. Returns what was there before, to be put back. */
  label(id: number): number {
    const before = this.#numbers[LABEL] ?? 0;
    this.#numbers[LABEL] = id;
    return before;
  }

  /** A native call for a statement begins, or ends with 0. */
  statement(id: number): void {
    this.#numbers[STATEMENT] = id;
  }

  /** Whose work is being done, as `nameLabel` was told; undefined while nobody's is. */
  get currentLabel(): string | undefined {
    const current = this.#numbers[LABEL];
    return this.#names.find(({ kind, id }) => kind === 'label' && id === current)?.text;
  }

  /** A number for a label. */
  nameLabel(text: string): number {
    this.#labels++;
    this.#name({ kind: 'label', id: this.#labels, text });
    return this.#labels;
  }

  /** The number of a statement's text; 0 when there are too many. */
  nameStatement(sql: string): number {
    const text = beginningOf(sql);
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    if (this.#statements.size >= MOST_STATEMENTS) return 0;
    const id = this.#statements.size + 1;
    this.#statements.set(text, id);
    this.#name({ kind: 'statement', id, text });
    return id;
  }

  /** From now on told of every name, those of before included. */
  listen(listener: (name: ActivityName) => void): void {
    this.#listener = listener;
    for (const name of this.#names) listener(name);
  }

  #name(name: ActivityName): void {
    this.#names.push(name);
    this.#listener?.(name);
  }
}

/** A copy: a part of a string would keep the whole of it in memory. */
function beginningOf(sql: string): string {
  return sql.length <= SHOWN ? sql : Buffer.from(sql.slice(0, SHOWN)).toString();
}

/** What another thread sees of an activity. */
export interface SeenActivity {
  readonly label: number;
  readonly statement: number;
  /** When the event loop last turned, on the clock of the thread that beats. */
  readonly beatAt: number;
}

/** Looks into the memory of an `Activity`. */
export function readActivity(memory: SharedArrayBuffer): SeenActivity {
  const numbers = new Int32Array(memory, 0, 2);
  return {
    label: Atomics.load(numbers, LABEL),
    statement: Atomics.load(numbers, STATEMENT),
    beatAt: new Float64Array(memory, BEAT_AT, 1)[0] ?? 0,
  };
}
