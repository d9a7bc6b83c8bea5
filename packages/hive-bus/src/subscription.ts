import { isKind, type Clock, type Logger } from '@hive/shared-db';
import { Errand } from './errand.ts';
import { eventOf, type BusEvent, type EventRow } from './event.ts';
import { pauseAfter } from './pause.ts';
import type { Position, Step } from './position.ts';
import { Renewal } from './renewal.ts';

/** An error's stack fits; a response body that somebody put into a message does not. */
const MOST_ERROR_CHARACTERS = 4_000;

/** What a handler gets beside the event. */
export interface Delivery {
  /** Aborts when nobody waits for the handler any more: the consumer was stopped and its grace is over, or the turn was lost. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

/** Resolves when the event has taken effect; rejects to get it again. */
export type Handle = (event: BusEvent, delivery: Delivery) => Promise<void>;

/** What a consumer gives each of its subscriptions. */
export interface SubscriptionSettings {
  readonly consumer: string;
  readonly topic: string;
  readonly position: Position;
  readonly handle: Handle;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  readonly keepAlive: boolean;
  readonly pollMs: number;
  readonly leaseMs: number;
  readonly maxAttempts: number;
  readonly firstRetryMs: number;
  readonly longestRetryMs: number;
  /** Told when the bus is closed, which is for ever. */
  readonly busClosed: () => void;
}

type Turn = Extract<Step, { readonly status: 'next' }>;
type Outcome = { readonly handled: true } | { readonly handled: false; readonly error: unknown };

/** One consumer in one topic: handles its events in order and one at a time. */
export class Subscription {
  readonly #settings: SubscriptionSettings;
  readonly #errand: Errand;
  #inHand: { readonly row: EventRow; readonly controller: AbortController } | undefined;
  #stopping = false;
  #abandoned = false;

  constructor(settings: SubscriptionSettings) {
    this.#settings = settings;
    const { consumer, topic, clock, logger, keepAlive, busClosed } = settings;
    this.#errand = new Errand({
      clock,
      keepAlive,
      run: () => this.#catchUp(),
      failed: (error, failures, pauseMs) => {
        if (isKind(error, 'POOL_CLOSED')) busClosed();
        else logger?.warn({ consumer, topic, err: error, failures, pauseMs }, 'the bus cannot be used; trying again');
      },
    });
  }

  get topic(): string {
    return this.#settings.topic;
  }

  /** The event that is being handled. */
  get inHand(): number | undefined {
    return this.#inHand === undefined ? undefined : Number(this.#inHand.row.seq);
  }

  /** There may be something new. */
  wake(): void {
    this.#errand.wake();
  }

  /** Begins no further event. Resolves when the one in hand has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#errand.stop();
  }

  /** Waits no longer: tells the handler, and gives the turn back without counting an attempt. Never rejects. */
  async abandon(): Promise<void> {
    if (this.#inHand === undefined) return;
    const { position, leaseMs, consumer, topic, logger } = this.#settings;
    this.#abandoned = true;
    this.#inHand.controller.abort();
    try {
      await position.stepDown(leaseMs);
    } catch (error) {
      logger?.debug({ consumer, topic, err: error }, 'the turn could not be given back; it runs out by itself');
    }
  }

  async #catchUp(): Promise<number | undefined> {
    const { position, pollMs } = this.#settings;
    if (this.#stopping) return undefined;
    const waitMs = await position.waitMs();
    if (waitMs === undefined) return undefined;
    if (waitMs > 0) return Math.min(waitMs, pollMs);
    let step = await position.claim();
    if (step.status === 'lost') return pollMs;
    while (step.status === 'next') {
      const next: Step | undefined = await this.#handle(step);
      if (next === undefined) return undefined;
      step = next;
    }
    return step.status === 'done' ? step.pauseMs : pollMs;
  }

  /** Undefined when nobody wants to know any more. */
  async #handle(turn: Turn): Promise<Step | undefined> {
    const { consumer, topic, maxAttempts, logger, position } = this.#settings;
    if (this.#stopping) return this.#giveBack();
    const outcome: Outcome =
      turn.attempts >= maxAttempts
        ? {
            handled: false,
            error: new Error(`nothing was heard of attempt ${turn.attempts}: its process ended or stood still`),
          }
        : await this.#attempt(turn);
    if (this.#abandoned) return undefined;
    const step = outcome.handled ? await position.advance(turn.row) : await this.#failed(turn, outcome.error);
    if (step.status === 'lost')
      logger?.warn(
        { consumer, topic, seq: Number(turn.row.seq) },
        'another process took over while an event was being handled; it may be handled twice',
      );
    return step;
  }

  async #attempt({ row, attempts }: Turn): Promise<Outcome> {
    const { handle, position, clock, leaseMs } = this.#settings;
    const controller = new AbortController();
    this.#inHand = { row, controller };
    using _renewal = new Renewal(
      clock,
      Math.ceil(leaseMs / 3),
      () => position.renew(),
      () => {
        controller.abort();
      },
    );
    try {
      await handle(eventOf(row), { signal: controller.signal, attempt: attempts + 1 });
      return { handled: true };
    } catch (error) {
      return { handled: false, error };
    } finally {
      this.#inHand = undefined;
    }
  }

  async #failed({ row, attempts }: Turn, error: unknown): Promise<Step> {
    // Whoever is told to stop and stops has not failed.
    if (this.#stopping) return this.#giveBack();
    const { consumer, topic, position, logger, maxAttempts, firstRetryMs, longestRetryMs } = this.#settings;
    const failures = Math.min(attempts + 1, maxAttempts);
    const fields = { consumer, topic, seq: Number(row.seq), source: row.source, key: row.key, failures, err: error };
    if (failures >= maxAttempts) {
      logger?.error(fields, 'an event is dead: it was put aside and the topic goes on');
      return position.bury(row, textOf(error), failures);
    }
    const pauseMs = pauseAfter(failures, firstRetryMs, longestRetryMs);
    logger?.warn({ ...fields, pauseMs }, 'an event could not be handled; trying again');
    return position.retryAfter(pauseMs);
  }

  async #giveBack(): Promise<Step> {
    await this.#settings.position.stepDown(0);
    return { status: 'done' };
  }
}

export function textOf(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.slice(0, MOST_ERROR_CHARACTERS);
}
