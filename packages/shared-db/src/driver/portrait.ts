import { Histogram, type LeaseInfo, type PoolStats } from '@hive/pool';
import { ownCallSiteOf } from '../call-site.ts';
import type { DatabaseContext } from '../database.ts';
import type {
  DatabaseLimits,
  DatabaseSnapshot,
  LaneSnapshot,
  LaneWork,
  LeaksSnapshot,
  LeaseSnapshot,
  WaiterSnapshot,
  WriterSnapshot,
} from '../snapshot.ts';
import type { Statements } from '../statements.ts';
import type { Connections } from './connections.ts';
import type { Counters } from './counters.ts';
import type { Driver } from './driver.ts';
import type { Engine, EngineLane } from './engine.ts';
import type { Failures } from './failures.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { SessionDesk } from './session-desk.ts';
import type { Transactions } from './transactions.ts';

const NO_WORK: LaneWork = Object.freeze({
  groups: 0,
  members: 0,
  commitTime: new Histogram().snapshot(),
  lateCommitMs: undefined,
});

const NO_LANE: LaneSnapshot = Object.freeze({
  waiting: 0,
  running: 0,
  oldestWaitMs: 0,
  writer: undefined,
  work: NO_WORK,
});

/** Whose picture is taken: the parts of a database that have something to show. */
export interface Sitter {
  readonly context: DatabaseContext;
  readonly driver: Driver;
  readonly lifecycle: Lifecycle;
  readonly failures: Failures;
  readonly counters: Counters;
  readonly connections: Connections;
  readonly transactions: Transactions;
  readonly sessions: SessionDesk;
  readonly statements: Statements;
  readonly engine: Pick<Engine, 'state'>;
}

/** Takes frozen pictures of a database as it is at the moment, and changes nothing in it. */
export class Portrait {
  readonly #sitter: Sitter;

  constructor(sitter: Sitter) {
    this.#sitter = sitter;
  }

  snapshot(): DatabaseSnapshot {
    const { context, driver, lifecycle, failures, counters, connections, statements, engine } = this.#sitter;
    const { status, failure } = lifecycle;
    const { required, durability } = context.settings;
    const { lane, turns, repair, files } = engine.state();
    const readers = connections.readers.stats();
    const writers = connections.hasOneWriter ? connections.writers.stats() : undefined;
    const waiters = this.#waiters(lane);
    return Object.freeze({
      name: context.name,
      driver: driver.name,
      status,
      required,
      failure: failure && Object.freeze({ code: failure.code, message: failure.message }),
      repair,
      refused: failures.refused,
      durability,
      pool: readers,
      limits: this.#limits(),
      thresholds: context.thresholds,
      trend: context.trend,
      lane: writers === undefined ? NO_LANE : this.#lane(writers, waiters, lane?.work ?? NO_WORK),
      turns,
      counters: Object.freeze({ ...counters, errors: failures.counts }),
      leases: Object.freeze(this.leases()),
      leaks: leaksOf(writers === undefined ? [readers] : [readers, writers]),
      waiters: Object.freeze(waiters),
      ...statements.snapshot(),
      ...files,
    });
  }

  /** Who holds its connections, in the pools' order: longest first. */
  leases(): readonly LeaseSnapshot[] {
    const { connections, sessions } = this.#sitter;
    return connections.pools.flatMap(({ pool, use }) => {
      const isSession = ({ id }: LeaseInfo): boolean => pool === connections.readers && sessions.isSession(id);
      return pool.leases().map((lease) => snapshotOf(lease, isSession(lease) ? 'session' : use));
    });
  }

  #waiters(lane: EngineLane | undefined): readonly WaiterSnapshot[] {
    const inPools = this.#sitter.connections.pools.flatMap(({ pool, use }) =>
      pool.waiters().map((waiter) => Object.freeze({ ...waiter, use })),
    );
    const inLane = lane?.waiters.map((waiter) => Object.freeze({ ...waiter, use: 'write' as const }));
    return [...inPools, ...(inLane ?? [])];
  }

  #limits(): DatabaseLimits {
    const { context, driver } = this.#sitter;
    const { acquireTimeoutMs, recycleMs } = context.settings;
    const { server } = driver;
    return Object.freeze({ acquireTimeoutMs, recycleMs, server: server && Object.freeze({ ...server }) });
  }

  /** Where there is one writer. */
  #lane({ leased }: PoolStats, all: readonly WaiterSnapshot[], work: LaneWork): LaneSnapshot {
    const waiters = all.filter(({ use }) => use === 'write');
    const oldestWaitMs = Math.max(0, ...waiters.map(({ waitMs }) => waitMs));
    return Object.freeze({
      waiting: waiters.length,
      running: leased,
      oldestWaitMs,
      writer: this.#writer(),
      work,
    });
  }

  #writer(): WriterSnapshot | undefined {
    const { connections, transactions } = this.#sitter;
    const [lease] = connections.writers.leases();
    if (lease?.owner === undefined) return undefined;
    return Object.freeze({ label: lease.owner, heldMs: lease.ageMs, ...transactions.ages() });
  }
}

/** The pool knows the whole stack; whoever looks wants the one place in it. */
function snapshotOf(lease: LeaseInfo, use: LeaseSnapshot['use']): LeaseSnapshot {
  const { acquiredAt } = lease;
  return Object.freeze({ ...lease, use, acquiredAt: ownCallSiteOf(acquiredAt ?? '') });
}

/** What all pools of a database have to say of leaks. */
function leaksOf(pools: readonly PoolStats[]): LeaksSnapshot {
  const sum = (read: (pool: PoolStats) => number): number => pools.reduce((total, pool) => total + read(pool), 0);
  const agoMs = pools.map(({ collectedAgoMs }) => collectedAgoMs).filter((ms) => ms !== undefined);
  return Object.freeze({
    suspects: sum(({ suspects }) => suspects),
    suspected: sum(({ counters }) => counters.suspected),
    returnedLate: sum(({ counters }) => counters.returnedLate),
    collected: sum(({ counters }) => counters.collected),
    collectedAgoMs: agoMs.length === 0 ? undefined : Math.min(...agoMs),
  });
}
