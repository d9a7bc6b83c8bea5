import { systemClock, type Clock, type Logger, type SqliteDatabase } from '@hive/shared-db';
import { publishFailed, publishFinished } from '../bus/study-answer.ts';
import type { StudyRequest } from '../bus/study-request.ts';
import type { ClimateYear } from '../climate/climate-year.ts';
import type { ComponentLibrary } from '../study/component-library.ts';
import { defaultStudies } from '../study/default-studies.ts';
import { Refusal } from '../study/refusal.ts';
import { studySlices, type StudyResult } from '../study/run-study.ts';
import { parseStudySpec, type StudySpec } from '../study/study-spec.ts';
import { breathe } from './breath.ts';
import { StudyRepository } from './study-repository.ts';

/** What studies are computed with and kept in. */
export interface StudyServiceOptions {
  readonly database: SqliteDatabase;
  readonly library: ComponentLibrary;
  readonly climate: ClimateYear;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** What came of computing: a study, or the sentence that says why there is none. */
type Outcome = { readonly result: StudyResult } | { readonly error: string };

/** Computes the studies that are asked for, keeps them and answers. */
export class StudyService {
  readonly #database: SqliteDatabase;
  readonly #studies: StudyRepository;
  readonly #library: ComponentLibrary;
  readonly #climate: ClimateYear;
  readonly #logger: Logger;
  readonly #clock: Clock;

  constructor({ database, library, climate, logger, clock = systemClock }: StudyServiceOptions) {
    this.#database = database;
    this.#studies = new StudyRepository(database, clock);
    this.#library = library;
    this.#climate = climate;
    this.#logger = logger;
    this.#clock = clock;
  }

  /**
   * Handles one request; when it resolves, the answer is stored beside the study. One task is one study: asked for again it is
   * answered again and not computed again. What computes to an error would do so again, so that is an answer too. Rejects when
   * `signal` aborts or the database fails: then nothing has happened, and the same request can be handled later.
   */
  async handle(request: StudyRequest, signal: AbortSignal): Promise<void> {
    const { taskId: task, attempt } = request;
    const stored = this.#studies.find(task);
    if (stored !== undefined) {
      this.#logger.info({ task, attempt, study: stored.name }, 'study is there already');
      await this.#answer('answer study again', (tx) => publishFinished(tx, request, stored.summary), signal);
      return;
    }
    const startedAt = this.#clock.wallTime();
    this.#logger.info({ task, attempt }, 'study begins');
    const outcome = await this.#compute(request, signal);
    if ('error' in outcome) {
      this.#logger.warn({ task, attempt, error: outcome.error }, 'study cannot be computed');
      // It would be the same every time, so there is no use in asking again.
      const failure = { error: outcome.error, retryable: false };
      await this.#answer('refuse study', (tx) => publishFailed(tx, request, failure), signal);
      return;
    }
    const { result } = outcome;
    const finished = { id: task, result, startedAt };
    await this.#studies.store(finished, (tx) => publishFinished(tx, request, result.summary), signal);
    this.#logger.info(
      { task, attempt, study: result.spec.name, tookMs: this.#clock.wallTime() - startedAt },
      'study is stored',
    );
  }

  /**
   * Answers a request whose handling has failed again and again, so that its asker waits no longer and may ask anew; a study that is
   * there is answered as ever. Rejects like `handle`.
   */
  async giveUp(request: StudyRequest, error: string, signal: AbortSignal): Promise<void> {
    const { taskId: task, attempt } = request;
    if (this.#studies.find(task) !== undefined) {
      await this.handle(request, signal);
      return;
    }
    this.#logger.error({ task, attempt, error }, 'study is given up');
    await this.#answer('give study up', (tx) => publishFailed(tx, request, { error, retryable: true }), signal);
  }

  async #compute({ taskId, study }: StudyRequest, signal: AbortSignal): Promise<Outcome> {
    try {
      const slices = studySlices(specOf(study, `task "${taskId}"`), this.#library, this.#climate);
      for (;;) {
        const slice = slices.next();
        if (slice.done === true) return { result: slice.value };
        await breathe(this.#clock, signal);
      }
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof Refusal)) this.#logger.error({ task: taskId, err: error }, 'a study met a bug');
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  async #answer(
    label: string,
    publish: Parameters<SqliteDatabase['transaction']>[1],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#database.transaction(label, publish, { signal });
  }
}

/** A study may be asked for by the name of a default one, or brought along. */
function specOf(study: unknown, origin: string): StudySpec {
  if (typeof study !== 'string') return parseStudySpec(study, origin);
  const named = defaultStudies.find(({ name }) => name === study);
  if (named !== undefined) return named;
  const candidates = defaultStudies.map(({ name }) => name);
  throw new Refusal({
    origin,
    key: 'study',
    expected: `a study or one of ${candidates.join(', ')}`,
    found: study,
    candidates,
  });
}
