import type { Clock, Lease } from '@hive/pool';
import type { Call } from '../driver/call.ts';
import type { Connections } from '../driver/connections.ts';
import type { LockWaits } from '../driver/lock-waits.ts';
import type { Line, Patience } from '../driver/patience.ts';
import { TurnKeeper } from '../lane/turn-keeper.ts';
import { CHECKPOINTING } from './own-labels.ts';

/** The database that is written. */
export interface RightToWriteHost {
  readonly clock: Clock;
  readonly connections: Connections;
  readonly lockWaits: LockWaits;
}

/**
 * The right to write to a file, beside the lane: among the callers of this process it is the one connection that writes, and among
 * processes their turn. Who reads needs neither: a reader is in nobody's way, and nobody would end its turn.
 */
export class RightToWrite {
  /** Of this process. */
  readonly turns: TurnKeeper;
  readonly #connections: Connections;
  readonly #lockWaits: LockWaits;

  constructor({ clock, connections, lockWaits }: RightToWriteHost) {
    this.turns = new TurnKeeper(clock);
    this.#connections = connections;
    this.#lockWaits = lockWaits;
  }

  /** How a transaction waits for the lock: for the turn of its process as well. */
  patience(call: Omit<Call, 'thrown'>): Patience {
    const line: Line = { mustWait: () => this.turns.mustAsk, wait: () => this.#waitForTurn(call) };
    return { ...this.#lockWaits.patience(call), line };
  }

  async #waitForTurn({ label, at, deadline, options }: Omit<Call, 'thrown'>): Promise<void> {
    let isHad: boolean;
    try {
      isHad = await this.turns.takeBefore(deadline, options.signal);
    } catch (cause) {
      throw this.#lockWaits.abortedError(label, cause);
    }
    if (!isHad) throw await this.#lockWaits.lateError('TURN_TIMEOUT', undefined, label, at);
  }

  /**
   * Takes it from all who would write, until what this resolves with is disposed of. The writer's queue is the one in which everybody
   * waits who writes here; for the others there is a turn. Rejects where that cannot be had, or with the reason of the signal.
   */
  async pause(signal: AbortSignal): Promise<Disposable> {
    const lease = await this.#connections.writers.acquire({ owner: CHECKPOINTING.text, signal });
    try {
      await this.turns.take(signal);
    } catch (error) {
      giveBack(lease);
      throw error;
    }
    return {
      [Symbol.dispose]: () => {
        this.turns.end();
        giveBack(lease);
      },
    };
  }
}

function giveBack(lease: Lease<unknown>): void {
  if (lease.active) lease.release();
}
