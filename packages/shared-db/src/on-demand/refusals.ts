import type { Clock } from '@hive/pool';
import type { Database } from '../database.ts';
import { DatabaseError, type Culprit, type ErrorKind } from '../errors.ts';
import { count, duration } from '../health/figures.ts';
import { holdersOf, type PlaceHolder, type Resident } from './resident.ts';

/** How many of those before him a caller is told. */
const NAMED_AHEAD = 10;
/** How many of those who have the places are in the sentence. */
const NAMED_IN_WORDS = 3;

/** Somebody who waits for a place, since `at`. */
export interface Asking {
  readonly name: string;
  readonly label: string;
  readonly at: number;
}

interface RefusalsHost {
  readonly pattern: string;
  readonly mostOpen: number;
  readonly clock: Clock;
}

/** What callers are told who get no place among the open databases of a pattern: why, and who is in the way. */
export class Refusals {
  readonly #host: RefusalsHost;
  readonly #residents: ReadonlyMap<string, Resident<Database>>;
  readonly #waiting: ReadonlySet<Asking>;
  /** Who had the places when somebody was refused last. */
  #holders: { readonly turn: number; readonly found: readonly PlaceHolder[] } | undefined;

  constructor(host: RefusalsHost, residents: ReadonlyMap<string, Resident<Database>>, waiting: ReadonlySet<Asking>) {
    this.#host = host;
    this.#residents = residents;
    this.#waiting = waiting;
  }

  /** @param what has happened to the service. */
  closed(asking: Asking, what: 'has been closed' | 'was closed meanwhile'): DatabaseError {
    return this.#refusal(asking, 'POOL_CLOSED', { what: `the service ${what}` });
  }

  aborted(asking: Asking, cause: unknown): DatabaseError {
    return this.#refusal(asking, 'ABORTED', { what: 'the caller aborted its wait for a place' }, cause);
  }

  /** His time is up; `isRoom` says that there is a place, and others are opened before. */
  late(asking: Asking, isRoom: boolean): DatabaseError {
    const { pattern, mostOpen, clock } = this.#host;
    const waited = duration(clock.now() - asking.at);
    if (isRoom)
      return this.#refusal(asking, 'POOL_TIMEOUT', {
        what: `it could not be opened within ${waited}: databases of ${pattern} are opened one after the other, and others came first`,
        advice: 'wait longer, or ask for fewer at once',
      });
    return this.#refusal(asking, 'POOL_TIMEOUT', {
      what: `no place came free within ${waited}: ${count(mostOpen, 'database')} of ${pattern} may be open at once, and all that are open are in use${this.#heldInWords()}`,
      advice: 'raise mostOpen, or end sessions, listeners and long calls sooner',
    });
  }

  #refusal(
    asking: Asking,
    kind: ErrorKind,
    { what, advice }: { readonly what: string; readonly advice?: string },
    cause?: unknown,
  ): DatabaseError {
    const now = this.#host.clock.now();
    return new DatabaseError(kind, what, {
      database: asking.name,
      label: asking.label,
      cause,
      culprits: this.#held().map(culprit),
      waiters: this.#ahead(asking).map(({ label, at }) => ({ pid: process.pid, label, waitMs: now - at })),
      advice,
    });
  }

  #heldInWords(): string {
    const longest = this.#held().slice(0, NAMED_IN_WORDS).map(inWords);
    return longest.length === 0 ? '' : `; held longest by ${longest.join(', ')}`;
  }

  /** Who has the places: looked for once in a turn of the event loop, in which thousands may have to be told. */
  #held(): readonly PlaceHolder[] {
    const { clock } = this.#host;
    const turn = clock.turns();
    if (this.#holders?.turn !== turn)
      this.#holders = { turn, found: holdersOf(this.#residents.values(), clock.now(), NAMED_AHEAD) };
    return this.#holders.found;
  }

  /** The first of those who came before him. */
  #ahead(asking: Asking): readonly Asking[] {
    const ahead: Asking[] = [];
    for (const one of this.#waiting) {
      if (one === asking || ahead.length === NAMED_AHEAD) break;
      ahead.push(one);
    }
    return ahead;
  }
}

function inWords({ database, label, heldMs }: PlaceHolder): string {
  return `${label === undefined ? 'somebody' : JSON.stringify(label)} of ${database} for ${duration(heldMs)}`;
}

function culprit({ label, heldMs }: PlaceHolder): Culprit {
  return { pid: process.pid, heldMs, ...(label === undefined ? {} : { label }) };
}
