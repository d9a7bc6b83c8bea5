import type { Lease } from '@hive/pool';
import { placeOfCall } from '../call-site.ts';
import type { DatabaseContext } from '../database.ts';
import type { Label } from '../labels.ts';
import type { KeptSession } from '../nesting/kept-session.ts';
import type { Call } from './call.ts';
import { NO_OPTIONS } from './call-options.ts';
import type { Calls } from './calls.ts';
import type { Connections } from './connections.ts';
import type { Counters } from './counters.ts';
import type { DriverConnection } from './driver.ts';
import type { Lending } from './lending.ts';
import { LeasedSession, type SessionEnd, type SessionHost, type SessionOptions, type SessionUse } from './session.ts';
import type { SessionUses } from './session-uses.ts';
import type { Transactions } from './transactions.ts';

const SESSION_LIMIT_MS = 300_000;

/** The database whose connections are lent. */
export interface SessionDeskHost {
  readonly context: DatabaseContext;
  readonly calls: Calls;
  readonly connections: Connections;
  readonly lending: Lending;
  readonly transactions: Transactions;
  readonly uses: SessionUses;
  readonly counters: Counters;
}

/** What is known of a session before it has its connection. */
interface Opening {
  /** The function that it is lent to. Without one it is kept. */
  readonly use: SessionUse | undefined;
  readonly kept: KeptSession | undefined;
  /** Made where it was asked for. */
  readonly openedAt: Error;
}

/** Lends connections as sessions, knows which leases are some, and says in the log which of them did not end well. */
export class SessionDesk {
  readonly #host: SessionDeskHost;
  /** Those that functions have, by the numbers of their leases. What is kept may be dropped without a word, which `KeptSessions` finds out. */
  readonly #lent = new Set<number>();

  constructor(host: SessionDeskHost) {
    this.#host = host;
  }

  /** Whether a lease of a reader is a session. */
  isSession(lease: number): boolean {
    const { connections, context } = this.#host;
    return this.#lent.has(lease) || context.holdings.kept.isKept(connections.lent, lease);
  }

  /** Opens one, and lends it to the function where there is one. */
  open(label: string, options: SessionOptions, use: SessionUse | undefined): Promise<unknown> {
    // Before anything is waited for: afterwards a stack does not lead to the caller.
    const openedAt = placeOfCall('the session was opened here');
    const { calls, connections, context } = this.#host;
    const kept = use === undefined ? context.holdings.kept.begin() : undefined;
    const opened = calls.nested(connections.readable, label, options, (given) => {
      const opening = this.#lease(label, given, { use, kept, openedAt });
      return use === undefined ? opening : lent(opening, use);
    });
    // What its caller calls from now on; not what is called to open it.
    if (kept !== undefined) context.holdings.kept.enter(kept);
    return opened;
  }

  async #lease(text: string, options: SessionOptions, opening: Opening): Promise<LeasedSession> {
    try {
      return await this.#host.calls.run(text, options, 'sessions', (call) => this.#leaseFor(call, options, opening));
    } catch (error) {
      this.#over(opening.kept);
      throw error;
    }
  }

  async #leaseFor(call: Call, options: SessionOptions, { use, kept, openedAt }: Opening): Promise<LeasedSession> {
    const { calls, connections } = this.#host;
    const { timeoutMs: allowedMs, signal, readOnly = false, budget, leakAfterMs } = options;
    const timeoutMs = allowedMs === undefined ? SESSION_LIMIT_MS : calls.duration('timeoutMs', allowedMs);
    if (use !== undefined) calls.assertFunction(use, 'session', call);
    const leakThresholdMs = calls.durationIfGiven('leakAfterMs', leakAfterMs);
    const asked = { budget, allowedMs, capture: openedAt, leakThresholdMs };
    const lease = await connections.borrow(connections.readers, call, asked);
    if (kept === undefined) this.#lent.add(lease.id);
    else {
      const connection = { of: connections.lent, lease: lease.id, label: call.label.text };
      this.#host.context.holdings.kept.has(kept, lease, connection);
    }
    const terms = { label: call.label.text, timeoutMs, signal, readOnly, openedAt };
    return new LeasedSession(lease, this.#hostOf(lease, call.label, kept), terms);
  }

  #over(kept: KeptSession | undefined): void {
    if (kept !== undefined) this.#host.context.holdings.kept.over(kept);
  }

  #hostOf(lease: Lease<DriverConnection>, label: Label, kept: KeptSession | undefined): SessionHost {
    const { context, connections, lending, transactions, uses, counters } = this.#host;
    const { name: database, clock, holdings } = context;
    // Asked of the lease now: one that has been revoked tells nothing any more.
    const { id, resource: connection } = lease;
    return {
      database,
      clock,
      scope: transactions.scopeHost(label, false),
      holding: (fn, run) => holdings.run({ held: connections.readable, lease, database, label: label.text, fn }, run),
      transaction: (fn, options = NO_OPTIONS, revocation) =>
        uses.during(connection, () => lending.transaction(label.text, fn, options, revocation)),
      ended: () => {
        this.#lent.delete(id);
        this.#over(kept);
      },
      expired: (end, limitMs) => {
        counters.sessionsExpired++;
        this.#blame(end, 'was over its limit and was ended', { limitMs });
      },
      leftOpen: (end) => {
        this.#blame(end, 'was closed');
      },
    };
  }

  /** Somebody has to look at how a session ends: says which one, and where it was opened. */
  #blame({ label, acquiredAt, leftOpen }: SessionEnd, what: string, more: object = {}): void {
    const { context, counters } = this.#host;
    counters.transactionsLeftOpen += leftOpen;
    const undone = leftOpen === 0 ? '' : ' while a transaction of it was open, which is rolled back';
    context.logger.warn(
      { database: context.name, label, acquiredAt, ...more, ...(leftOpen === 0 ? {} : { leftOpen }) },
      `session "${label}" ${what}${undone}`,
    );
  }
}

/** A function has the session until it settles. */
async function lent(opening: Promise<LeasedSession>, use: SessionUse): Promise<unknown> {
  await using session = await opening;
  return await session.lendTo(use);
}
