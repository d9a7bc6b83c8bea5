import { systemClock, type Clock, type SqliteDatabase, type Transaction } from '@hive/shared-db';
import { valueAt } from '../climate/column.ts';
import { columnOf } from '../db/schema.ts';
import type { StudyResult } from '../study/run-study.ts';
import { seriesNames, type SeriesName } from '../study/study-series.ts';
import type { StudySummary } from '../study/study-summary.ts';
import { breathe } from './breath.ts';

/** Hours that are stored before the event loop gets its turn: a few milliseconds of work. */
const HOURS_PER_BREATH = 250;
/** A year takes about a tenth of a second; a machine that is a hundred times slower should not have to compute it again. */
const STORE_LIMIT_MS = 20_000;

const COLUMNS = seriesNames.map((name) => columnOf(name));
const INSERT_STUDY = `
  INSERT INTO studies (id, name, spec, summary, started_at, finished_at) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO NOTHING`;
const INSERT_HOUR = `
  INSERT INTO study_hours (study_id, hour, start_ms, ${COLUMNS.join(', ')})
  VALUES (?, ?, ?, ${COLUMNS.map(() => '?').join(', ')})`;

/** A study that was computed and is to be kept. */
export interface FinishedStudy {
  /** The task that asked for it. */
  readonly id: string;
  readonly result: StudyResult;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** A study as it is kept. Times are milliseconds since 1970. */
export interface StoredStudy {
  readonly id: string;
  readonly name: string;
  readonly summary: StudySummary;
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** One hour of one series. */
export interface StoredHour {
  /** When the hour begins, in milliseconds since 1970. */
  readonly startMs: number;
  readonly value: number;
}

/** Studies as they are kept: each complete, with every hour of every series, or not at all. */
export class StudyRepository {
  readonly #database: SqliteDatabase;
  readonly #clock: Clock;

  constructor(database: SqliteDatabase, clock: Clock = systemClock) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Stores a study and whatever else must happen together with it, in one transaction; `signal` undoes everything until it
   * commits. A study that is there already, because another process was quicker, stays as it is. Holds the right to write for
   * about 100 ms, in which the event loop gets its turns.
   */
  async store(
    { id, result, startedAt }: FinishedStudy,
    together: (tx: Transaction) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { spec, summary } = result;
    await this.#database.transaction(
      'store study',
      async (tx) => {
        const finishedAt = this.#clock.wallTime();
        const texts = [JSON.stringify(spec), JSON.stringify(summary)] as const;
        const { changes } = await tx.run(INSERT_STUDY, id, spec.name, ...texts, startedAt, finishedAt);
        if (changes > 0) await this.#storeHours(tx, id, result, signal);
        await together(tx);
      },
      { signal, limitMs: STORE_LIMIT_MS },
    );
  }

  async #storeHours(tx: Transaction, id: string, result: StudyResult, signal: AbortSignal | undefined): Promise<void> {
    const { startMs, series, summary } = result;
    for (let hour = 0; hour < summary.hours; hour++) {
      if (hour % HOURS_PER_BREATH === 0) await breathe(this.#clock, signal);
      const values = seriesNames.map((name) => valueAt(series[name], hour));
      await tx.run(INSERT_HOUR, id, hour, valueAt(startMs, hour), ...values);
    }
  }

  find(id: string): StoredStudy | undefined {
    const row = this.#database.readSync('study by id', (c) => c.get<StudyRow>(`${SELECT} WHERE id = ?`, id));
    return row === undefined ? undefined : studyOf(row);
  }

  /** All studies, the newest last. */
  async list(): Promise<readonly StoredStudy[]> {
    const rows = await this.#database.read('list studies', (c) =>
      c.all<StudyRow>(`${SELECT} ORDER BY finished_at, id`),
    );
    return rows.map((row) => studyOf(row));
  }

  /** One series of a study, hour by hour; empty when there is no such study. */
  series(id: string, name: SeriesName): Promise<readonly StoredHour[]> {
    const sql = `SELECT start_ms AS startMs, ${columnOf(name)} AS value FROM study_hours WHERE study_id = ? ORDER BY hour`;
    return this.#database.read('series of study', (c) => c.all<StoredHour>(sql, id));
  }
}

const SELECT = 'SELECT id, name, summary, started_at AS startedAt, finished_at AS finishedAt FROM studies';

type StudyRow = Omit<StoredStudy, 'summary'> & { readonly summary: string };

function studyOf(row: StudyRow): StoredStudy {
  return { ...row, summary: JSON.parse(row.summary) as StudySummary };
}
