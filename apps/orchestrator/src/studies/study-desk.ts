import { createConsumer, createRelay, publish, trim, type BusEvent, type Consumer, type Relay } from '@hive/hive-bus';
import type { Clock, Logger, SqliteDatabase } from '@hive/shared-db';
import { Loop } from '../loop.ts';
import type { Ending, TaskQueue } from '../tasks/queue.ts';
import { studyPayload } from '../tasks/task-kind.ts';
import { STUDY_FAILED, STUDY_FINISHED, STUDY_REQUESTED, studyFailed, studyFinished } from './study-events.ts';

/** Who a study belongs to while its answer is awaited. No worker may be called this. */
export const BUS_WORKER = 'bus';
/** The name of this app as a source of events, and of its place in them. */
const ON_THE_BUS = 'orchestrator';
/** What a study's lease lasts. It is renewed by whatever process serves, so it only ends where nobody does. */
const LEASE_MS = 60_000;
/** How soon a new study is noticed: less than a person notices, for a few small reads. */
const IDLE_MS = 50;
/** Events older than this go, when everybody is done with them: long enough to look into what happened last week. */
const KEEP_EVENTS_MS = 14 * 24 * 3_600_000;
const TRIM_EVERY_MS = 3_600_000;
const KINDS = ['study'];

export interface StudyDeskOptions {
  readonly queue: TaskQueue;
  /** The orchestrator's own database: its outbox. */
  readonly outbox: SqliteDatabase;
  readonly bus: SqliteDatabase;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Hands studies over to the bus and takes the answers. Claiming a study and asking for it are one transaction, so each attempt asks
 * exactly once; an answer counts for the attempt that asked, and only the first. A study waits for as long as its answer takes.
 */
export class StudyDesk {
  readonly #options: StudyDeskOptions;
  readonly #relay: Relay;
  readonly #consumer: Consumer;
  #loops: readonly Loop[] = [];

  constructor(options: StudyDeskOptions) {
    this.#options = options;
    const { outbox, bus, clock, logger } = options;
    this.#relay = createRelay({ outbox, bus, source: ON_THE_BUS, clock, logger });
    this.#consumer = createConsumer({
      bus,
      consumer: ON_THE_BUS,
      topics: [STUDY_FINISHED, STUDY_FAILED],
      // No answer is put aside: its task would wait for it for ever.
      maxAttempts: Infinity,
      handle: (event) => this.#takeAnswer(event),
      clock,
      logger,
    });
  }

  start(): void {
    const { clock, logger } = this.#options;
    this.#relay.start();
    this.#consumer.start();
    this.#loops = [
      new Loop({ name: 'study desk', everyMs: IDLE_MS, run: () => this.#askForNext(), clock, logger }),
      new Loop({ name: 'bus retention', everyMs: TRIM_EVERY_MS, run: () => this.#trimBus(), clock, logger }),
    ];
  }

  /** Asks for nothing more and lets go of the bus. Studies that were asked for stay running until somebody serves again. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    await Promise.all([this.#consumer.stop({ graceMs }), this.#relay.stop({ graceMs })]);
  }

  /** Resolves with whether there was a study. */
  async #askForNext(): Promise<boolean> {
    const { queue, clock } = this.#options;
    // First, because claiming ends leases that have run out, such as while nobody served.
    await queue.renewAll(BUS_WORKER, LEASE_MS);
    const task = await queue.claim(BUS_WORKER, KINDS, LEASE_MS, (tx, { id, attempts, payload }) => {
      const { study } = studyPayload.parse(payload);
      publish(
        tx,
        { topic: STUDY_REQUESTED, key: `${id}:${attempts}`, payload: { taskId: id, attempt: attempts, study } },
        { clock },
      );
    });
    return task !== undefined;
  }

  async #trimBus(): Promise<false> {
    const { bus, clock } = this.#options;
    await trim(bus, { olderThanMs: KEEP_EVENTS_MS, clock });
    return false;
  }

  async #takeAnswer(event: BusEvent): Promise<void> {
    const { queue, logger } = this.#options;
    const answer = endingOf(event);
    if (answer === undefined) {
      logger.error(
        { topic: event.topic, seq: event.seq, source: event.source },
        'an answer is not understood and passed over',
      );
      return;
    }
    const { taskId, attempt, ending } = answer;
    const standing = await queue.finish({ taskId, worker: BUS_WORKER, attempt }, ending);
    logger.info({ taskId, attempt, ending: ending.state, standing }, 'answer to a study');
  }
}

interface Answer {
  readonly taskId: string;
  readonly attempt: number;
  readonly ending: Ending;
}

/** Undefined for an event that says nothing about a study. */
function endingOf({ topic, payload }: BusEvent): Answer | undefined {
  if (topic === STUDY_FINISHED) {
    const { success, data } = studyFinished.safeParse(payload);
    if (!success) return undefined;
    const { taskId, attempt, ...result } = data;
    return { taskId, attempt, ending: { state: 'done', result } };
  }
  const { success, data } = studyFailed.safeParse(payload);
  if (!success) return undefined;
  const { taskId, attempt, error, retryable } = data;
  return { taskId, attempt, ending: { state: 'failed', error, final: !retryable } };
}
