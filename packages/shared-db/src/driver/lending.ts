import type { Lease } from '@hive/pool';
import { placeOfCall } from '../call-site.ts';
import type { ReadOptions, TransactionOptions } from '../database.ts';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import type { Connections } from './connections.ts';
import type { DriverConnection } from './driver.ts';
import type { Engine } from './engine.ts';
import type { Revocation } from './revocation.ts';
import type { Connection, Transaction } from './scope.ts';
import type { TransactionLimits } from './transaction-watch.ts';
import type { Transactions } from './transactions.ts';

const READ_LIMIT_MS = 30_000;
const TRANSACTION_LIMIT_MS = 5_000;
const TRANSACTION_IDLE_MS = 1_000;

/** The database whose connections are lent. */
export interface LendingHost {
  readonly calls: Calls;
  readonly connections: Connections;
  readonly transactions: Transactions;
  readonly engine: Pick<Engine, 'assertWritable'>;
}

/** A transaction as it was asked for. */
interface AskedTransaction {
  readonly options: TransactionOptions;
  readonly revocation: Revocation | undefined;
  readonly askedAt: Error;
}

/** Lends connections to callers' functions for as long as these take: to read one snapshot, or for a transaction. */
export class Lending {
  readonly #host: LendingHost;
  readonly #calls: Calls;
  readonly #connections: Connections;

  constructor(host: LendingHost) {
    this.#host = host;
    this.#calls = host.calls;
    this.#connections = host.connections;
  }

  read<T>(label: string, fn: (connection: Connection) => Promise<T>, options: ReadOptions): Promise<T> {
    if (!this.#calls.isNested) return this.#read(label, fn, options);
    return this.#calls.nested(this.#connections.readable, label, options, (given) => this.#read(label, fn, given));
  }

  #read<T>(label: string, fn: (connection: Connection) => Promise<T>, options: ReadOptions): Promise<T> {
    // Before anything is waited for: afterwards a stack does not lead to the caller. What are no options is refused further on.
    const isTold = (options as ReadOptions | null)?.leakAfterMs !== undefined;
    const askedAt = isTold ? placeOfCall('the read was asked for here') : undefined;
    return this.#calls.run(label, options, 'reads', async (call) => {
      this.#calls.assertFunction(fn, 'read', call);
      const { limitMs, budget, leakAfterMs } = options;
      const readLimitMs = limitMs === undefined ? READ_LIMIT_MS : this.#calls.duration('limitMs', limitMs);
      const leakThresholdMs = this.#calls.durationIfGiven('leakAfterMs', leakAfterMs);
      const isPlain = limitMs === undefined && budget === undefined && leakThresholdMs === undefined;
      const asked = isPlain ? undefined : { budget, allowedMs: limitMs, capture: askedAt, leakThresholdMs };
      const { readers, readable: held } = this.#connections;
      const lease = await this.#connections.borrow(readers, call, asked);
      const { transactions } = this.#host;
      return transactions.run({ lease, held, access: 'read', call, fn, limits: undefined, readLimitMs });
    });
  }

  /** One of a session has a `revocation`, which can take it away. */
  transaction<T>(
    label: string,
    fn: (tx: Transaction) => Promise<T>,
    options: TransactionOptions,
    revocation?: Revocation,
  ): Promise<T> {
    // Before anything is waited for: afterwards a stack does not lead to the caller.
    const askedAt = placeOfCall('the transaction was asked for here');
    return this.#calls.nested(this.#connections.writable, label, options, (given, served) =>
      this.#calls.run(label, given, 'transactions', (call) => {
        if (served !== undefined) call.served = served;
        return this.#transaction(call, fn, { options: given, revocation, askedAt });
      }),
    );
  }

  async #transaction<T>(call: Call, fn: (tx: Transaction) => Promise<T>, asked: AskedTransaction): Promise<T> {
    const { options, revocation } = asked;
    this.#calls.assertFunction(fn, 'transaction', call);
    const limits = this.#limitsOf(options);
    if (revocation !== undefined) call.options = { ...options, signal: revocation.signalWith(options.signal) };
    this.#host.engine.assertWritable(call.label);
    const lease = await this.#writer(call, asked);
    const { writable: held } = this.#connections;
    return this.#host.transactions.run({ lease, held, access: 'write', call, fn, limits, revocation });
  }

  #limitsOf({
    limitMs = TRANSACTION_LIMIT_MS,
    idleLimitMs = TRANSACTION_IDLE_MS,
  }: TransactionOptions): TransactionLimits {
    return {
      limitMs: this.#calls.duration('limitMs', limitMs),
      idleMs: this.#calls.duration('idleLimitMs', idleLimitMs),
    };
  }

  async #writer(call: Call, { options, revocation, askedAt }: AskedTransaction): Promise<Lease<DriverConnection>> {
    const { writers } = this.#connections;
    const { limitMs: allowedMs, leakAfterMs } = options;
    const leakThresholdMs = this.#calls.durationIfGiven('leakAfterMs', leakAfterMs);
    try {
      return await this.#connections.borrow(writers, call, { allowedMs, capture: askedAt, leakThresholdMs });
    } catch (error) {
      throw revocation?.explain(error) ?? error;
    }
  }
}
