import { createConsumer, createRelay, type BusEvent, type Consumer, type Delivery, type Relay } from '@hive/hive-bus';
import { systemClock, type Clock, type Logger, type SqliteDatabase } from '@hive/shared-db';
import type { StudyService } from '../studies/study-service.ts';
import { Refusal } from '../study/refusal.ts';
import { parseStudyRequest, STUDY_REQUESTED, type StudyRequest } from './study-request.ts';

/** What this application is called on the bus, as publisher and as consumer. */
const NAME = 'ecosystemiser';
/** Longer than the event loop ever stands still between two slices, and all that a crash delays the study that it cost. */
const LEASE_MS = 2_000;
/** Afterwards its asker is told: about 100 s of a disk or a lock in the way, or a study that ends its process each time. */
const MOST_ATTEMPTS = 10;
/** A study stops at its next slice, at once; this is for a disk that does not answer. Together they end well within 5 s. */
const STOP_CONSUMER_MS = 1_500;
const STOP_RELAY_MS = 1_000;

/** Between what requests are carried and answers are sent. */
export interface StudyBusOptions {
  readonly bus: SqliteDatabase;
  /** The ecosystemiser's own database: answers are published in it. */
  readonly database: SqliteDatabase;
  readonly service: Pick<StudyService, 'handle' | 'giveUp'>;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** Takes requests for studies from the bus and brings the answers to it. */
export class StudyBus {
  readonly #consumer: Consumer;
  readonly #relay: Relay;
  readonly #service: StudyBusOptions['service'];
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();

  constructor({ bus, database, service, logger, clock = systemClock }: StudyBusOptions) {
    this.#service = service;
    this.#logger = logger;
    this.#clock = clock;
    this.#relay = createRelay({ outbox: database, bus, source: NAME, clock, logger });
    this.#consumer = createConsumer({
      bus,
      consumer: NAME,
      topics: [STUDY_REQUESTED],
      leaseMs: LEASE_MS,
      // No request is put aside without an answer: somebody waits for it.
      maxAttempts: Infinity,
      clock,
      logger,
      handle: (event, delivery) => this.#handle(event, delivery),
    });
  }

  start(): void {
    this.#relay.start();
    this.#consumer.start();
  }

  /** Gives up the study in hand, which is handled at the next start, and sends the answers that are stored. Never rejects. */
  async stop(): Promise<void> {
    const stopped = this.#consumer.stop({ graceMs: STOP_CONSUMER_MS });
    // One turn later: a handler that gives up after its consumer was told to stop has not failed.
    this.#clock.nextTurn(() => {
      this.#stopping.abort();
    });
    await stopped;
    await this.#relay.stop({ graceMs: STOP_RELAY_MS });
  }

  async #handle({ seq, payload }: BusEvent, { signal, attempt }: Delivery): Promise<void> {
    const request = this.#parse(seq, payload);
    if (request === undefined) return;
    const until = AbortSignal.any([signal, this.#stopping.signal]);
    if (attempt <= MOST_ATTEMPTS) await this.#service.handle(request, until);
    else await this.#service.giveUp(request, `the study could not be computed in ${attempt - 1} attempts`, until);
  }

  /** Nobody can be told of a request that does not say who asks, and those behind it should not wait for it. */
  #parse(seq: number, payload: unknown): StudyRequest | undefined {
    try {
      return parseStudyRequest(payload, `event ${seq} of ${STUDY_REQUESTED}`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#logger.error({ seq, error: error.message }, 'a request was passed over');
      return undefined;
    }
  }
}
