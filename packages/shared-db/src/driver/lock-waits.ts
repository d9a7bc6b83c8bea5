import type { DatabaseContext } from '../database.ts';
import { DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { Call } from './call.ts';
import type { Counters } from './counters.ts';
import type { Engine } from './engine.ts';
import type { Failures } from './failures.ts';
import { introduced, inTheWay, type Introduction } from './introduction.ts';
import type { Patience } from './patience.ts';

/** What was not had in time: the lock, or the turn to try for it. */
export type Late = 'BUSY_TIMEOUT' | 'TURN_TIMEOUT';

/** The database whose lock is waited for. */
export interface LockWaitsHost {
  readonly context: DatabaseContext;
  readonly failures: Failures;
  readonly counters: Counters;
  readonly engine: Pick<Engine, 'culprits' | 'lockedFile'>;
}

/** Who was there, and for how long somebody has waited for them. */
interface Encounter extends Introduction {
  readonly waitedMs: number;
  readonly who: string;
}

/** How calls wait for a lock that somebody else has, and what they are told of him when they have waited for too long. */
export class LockWaits {
  readonly #host: LockWaitsHost;

  constructor(host: LockWaitsHost) {
    this.#host = host;
  }

  patience({ label, at, deadline, options }: Omit<Call, 'thrown'>): Patience {
    const { clock, random, thresholds } = this.#host.context;
    return {
      clock,
      random,
      deadline,
      signal: options.signal,
      isBusy: (error) => this.#host.failures.isBusy(error),
      line: undefined,
      onBusy: () => {
        this.#host.counters.busy++;
      },
      slowMs: thresholds.oldestWaitMs,
      onSlow: () => {
        void this.#warn(label, at);
      },
      giveUp: (cause) => this.lateError('BUSY_TIMEOUT', cause, label, at),
      aborted: () => this.abortedError(label),
    };
  }

  /** Asks around first who is in the way. */
  async lateError(kind: Late, cause: unknown, label: Label, since: number): Promise<DatabaseError> {
    const encounter = await this.#meet(since);
    const { waitedMs, who } = encounter;
    const what =
      kind === 'TURN_TIMEOUT'
        ? `the turn of this process to write did not come within ${waitedMs} ms`
        : `the write lock was not had within ${waitedMs} ms`;
    return this.#error(kind, `${what}: ${who}`, label, encounter, cause);
  }

  abortedError(label: Label, cause?: unknown): DatabaseError {
    return new DatabaseError('ABORTED', 'the caller aborted its wait for the lock', {
      database: this.#host.context.name,
      label: label.text,
      ...(cause === undefined ? {} : { cause }),
    });
  }

  async #warn(label: Label, since: number): Promise<void> {
    const { name, logger } = this.#host.context;
    const encounter = await this.#meet(since);
    const { waitedMs, culprits, waiters, who } = encounter;
    const { advice, documentation } = this.#error('BUSY_TIMEOUT', who, label, encounter);
    logger.warn(
      { database: name, label: label.text, waitedMs, culprits, waiters, documentation },
      `"${label.text}" has waited ${waitedMs} ms for the write lock: ${who}; ${advice}`,
    );
  }

  #error(kind: Late, what: string, label: Label, { culprits, waiters }: Introduction, cause?: unknown): DatabaseError {
    const { name } = this.#host.context;
    return new DatabaseError(kind, what, {
      database: name,
      label: label.text,
      cause,
      culprits,
      waiters,
      advice: [
        `hive-db why ${name} says who is in the way now`,
        'make what holds the lock shorter, or end what has forgotten it',
        'give the call a longer timeoutMs',
      ],
    });
  }

  async #meet(since: number): Promise<Encounter> {
    const { context, engine } = this.#host;
    const { runtimeDirectory: directory, clock } = context;
    const waitedMs = Math.round(clock.now() - since);
    const introduction = await introduced({
      culprits: engine.culprits(),
      directory,
      path: engine.lockedFile,
      waitedMs: () => clock.now() - since,
    });
    return { ...introduction, waitedMs, who: inTheWay(introduction) };
  }
}
