import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock, Timer } from '@hive/pool';
import type { Label } from '../labels.ts';
import type { Logger } from '../logger.ts';
import { KeptSession, type KeptConnection, type LentConnections } from './kept-session.ts';

/** How long a call waits before it is looked at, and how often it is then. */
const LOOK_EVERY_MS = 1_000;
/** Who has used his session a moment ago goes on. */
const IDLE_MS = LOOK_EVERY_MS / 2;
/** For so long what was found for one of those who wait holds for the others: thousands may ask at once, and each answer goes through all. */
const FOUND_MS = 10;

/** A call of somebody who keeps sessions, which waits for a connection. */
interface KeptWait {
  readonly connections: LentConnections;
  readonly label: Label;
  /** Which it counts in, where there are any; undefined for the default one. */
  readonly budget: string | undefined;
  /** His, the last first. */
  readonly kept: readonly KeptSession[];
}

/**
 * The sessions that were opened without a function. Whose they are the context says from which they were opened, and that comes to others
 * as well, to whom they do not belong: to what was called beside them, to timers. So what follows from it is likely and never certain: it is
 * told of in the log, and nobody is failed. Calls that get their connection at once cost nothing.
 */
export class KeptSessions {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #current = new AsyncLocalStorage<KeptSession>();
  readonly #byLease = new WeakMap<LentConnections, Map<number, KeptSession>>();
  /** When somebody was last told of a database: where it runs dry for thousands, one of them is enough. */
  readonly #toldAt = new WeakMap<LentConnections, number>();
  /** What was dropped without being closed has told nobody; its lease is found by the garbage collector. */
  readonly #dropped = new FinalizationRegistry<KeptSession>((session) => {
    this.over(session);
  });
  /** What was found last, and when, by budget. */
  readonly #found = new WeakMap<
    LentConnections,
    Map<string | undefined, { readonly stuck: boolean; readonly at: number }>
  >();
  /** How many are open: while none is, nobody is asked where he comes from. */
  #open = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** One that is being opened from here. */
  begin(): KeptSession {
    this.#open++;
    return new KeptSession(this.#current.getStore());
  }

  /** What is called from here on, by who has called last, may be called by who has it. */
  enter(session: KeptSession): void {
    this.#current.enterWith(session);
  }

  /** It has its connection, by this lease. */
  has(session: KeptSession, lease: object, connection: KeptConnection): void {
    const sessions = this.#byLease.get(connection.of) ?? new Map<number, KeptSession>();
    this.#byLease.set(connection.of, sessions);
    sessions.set(connection.lease, session);
    session.has(connection);
    this.#dropped.register(lease, session, session);
  }

  /** It is closed, was taken away or dropped, or could not be opened. A second call does nothing. */
  over(session: KeptSession): void {
    if (session.isOver) return;
    this.#open--;
    const { connection } = session;
    if (connection !== undefined) this.#byLease.get(connection.of)?.delete(connection.lease);
    this.#dropped.unregister(session);
    session.over();
  }

  /** Whether a lease of one of them is that of a session that is open. */
  isKept(connections: LentConnections, lease: number): boolean {
    return this.#byLease.get(connections)?.has(lease) === true;
  }

  /** Whether somebody who keeps sessions is likely to ask. */
  get isHere(): boolean {
    return this.#open > 0 && this.#current.getStore()?.open !== undefined;
  }

  /** Those of this context that have a connection, the last first. */
  get here(): readonly KeptSession[] {
    const here: KeptSession[] = [];
    for (let one = this.#current.getStore()?.open; one !== undefined; one = one.outer)
      if (one.connection !== undefined) here.push(one);
    return here;
  }

  /** Watches over a call from here until it has got its connection, or will not. */
  async watch<T>(
    connections: LentConnections,
    { label, budget }: Pick<KeptWait, 'label' | 'budget'>,
    got: Promise<T>,
  ): Promise<T> {
    const kept = this.here;
    for (const session of kept) session.waits++;
    const timer = this.#look({ connections, label, budget, kept });
    try {
      return await got;
    } finally {
      timer.cancel();
      for (const session of kept) session.waits--;
    }
  }

  /** Looks again until there is something to tell: since when a session has not been used is known only roughly. */
  #look(wait: KeptWait): Pick<Timer, 'cancel'> {
    let timer: Timer;
    const next = (): void => {
      timer = this.#clock.after(LOOK_EVERY_MS, () => {
        if (this.#isStuck(wait)) this.#tell(wait);
        else next();
      });
      timer.unref();
    };
    next();
    return {
      cancel: () => {
        timer.cancel();
      },
    };
  }

  /** Whether all connections that it could get are with who waits for one in turn, and does nothing with his. */
  #isStuck({ connections, budget, kept }: KeptWait): boolean {
    if (kept.length === 0) return false;
    const now = this.#clock.now();
    const byBudget = this.#found.get(connections) ?? new Map<string | undefined, { stuck: boolean; at: number }>();
    this.#found.set(connections, byBudget);
    const last = byBudget.get(budget);
    if (last !== undefined && now - last.at < FOUND_MS) return last.stuck;
    const stuck = this.#areWithWaiters(connections, budget);
    byBudget.set(budget, { stuck, at: now });
    return stuck;
  }

  #areWithWaiters(connections: LentConnections, budget: string | undefined): boolean {
    const sessions = this.#byLease.get(connections);
    if (sessions === undefined) return false;
    const isIdleWaiter = (lease: number, idleMs: number): boolean =>
      idleMs >= IDLE_MS && (sessions.get(lease)?.waits ?? 0) > 0;
    return connections.inWayOf(budget)?.every(({ id, idleMs }) => isIdleWaiter(id, idleMs)) === true;
  }

  #tell({ connections, label, budget, kept }: KeptWait): void {
    const now = this.#clock.now();
    const { database } = connections;
    if (now - (this.#toldAt.get(connections) ?? -Infinity) < LOOK_EVERY_MS) return;
    this.#toldAt.set(connections, now);
    const { text, callSite } = label;
    const own = kept.flatMap(({ connection }) => (connection === undefined ? [] : [keptInWords(connection)]));
    this.#logger.warn(
      { database, label: text, callSite, kept: own },
      `probably waits for itself: database ${database}, "${text}" waits for a connection${budget === undefined ? '' : ` of budget ${JSON.stringify(budget)}`}, and everybody who has one waits in turn; its own caller keeps ${own.join(', and ')}; close what is kept before more is asked for, or use it`,
    );
  }
}

function keptInWords({ of, lease, label }: KeptConnection): string {
  return `"${label}", opened at ${of.askedAt(lease) ?? 'a place that was not remembered'}`;
}
