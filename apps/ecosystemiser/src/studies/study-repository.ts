import type { SqliteDatabase, SyncTransaction } from '@hive/shared-db';
import { columnOf } from '../db/schema.ts';
import type { StudyResult } from '../study/run-study.ts';
import { seriesNames, type SeriesName } from '../study/study-series.ts';
import type { StudySpec } from '../study/study-spec.ts';
import type { StudySummary } from '../study/study-summary.ts';

/** Hours that one write stores: a few milliseconds of work, so that neither neighbours nor the event loop wait long. */
const HOURS_PER_WRITE = 500;

const COLUMNS = seriesNames.map((name) => columnOf(name)).join(', ');
const INSERT_HOUR = `INSERT INTO study_hours (study_id, hour, start_ms, ${COLUMNS})
                     VALUES (?, ?, ?, ${seriesNames.map(() => '?').join(', ')})`;

/** A study as it is kept. */
export interface StoredStudy {
  readonly id: string;
  readonly name: string;
  readonly state: 'computing' | 'done';
  readonly summary: StudySummary | null;
  readonly startedAt: number;
  readonly finishedAt: number | null;
}

/** Studies, their hours and their summaries. A study counts only once it is `done`; until then its hours are nobody's business. */
export class StudyRepository {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** Notes that a study is being computed, and clears what an attempt that did not end has left. */
  async begin(id: string, spec: StudySpec, startedAt: number): Promise<void> {
    await this.#database.write('begin study', (tx) => {
      tx.run('DELETE FROM studies WHERE id = ?', id);
      tx.run(
        `INSERT INTO studies (id, name, spec, state, started_at) VALUES (?, ?, ?, 'computing', ?)`,
        id,
        spec.name,
        JSON.stringify(spec),
        startedAt,
      );
    });
  }

  /**
   * Stores all hours, then, in one write, the summary and whatever else must happen together with it. `signal` stops it between
   * two parts; a study that was stopped is computed again.
   */
  async finish(
    id: string,
    result: StudyResult,
    finishedAt: number,
    together: (tx: SyncTransaction) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const { hours } = result.summary;
    for (let from = 0; from < hours; from += HOURS_PER_WRITE) {
      signal?.throwIfAborted();
      await this.#database.write('store study hours', (tx) => {
        for (let hour = from; hour < Math.min(hours, from + HOURS_PER_WRITE); hour++)
          tx.run(INSERT_HOUR, id, hour, result.startMs[hour] ?? 0, ...seriesNames.map((name) => result.series[name][hour] ?? 0));
      });
    }
    await this.#database.write('finish study', (tx) => {
      const summary = JSON.stringify(result.summary);
      tx.run(`UPDATE studies SET state = 'done', summary = ?, finished_at = ? WHERE id = ?`, summary, finishedAt, id);
      together(tx);
    });
  }

  async list(): Promise<readonly StoredStudy[]> {
    const rows = await this.#database.read('list studies', (c) => c.all<StudyRow>('SELECT * FROM studies ORDER BY started_at, id'));
    return rows.map((row) => studyOf(row));
  }

  find(id: string): StoredStudy | undefined {
    const row = this.#database.readSync('study by id', (c) => c.get<StudyRow>('SELECT * FROM studies WHERE id = ?', id));
    return row === undefined ? undefined : studyOf(row);
  }

  /** One series of a finished study, hour by hour. */
  async series(id: string, name: SeriesName): Promise<readonly number[]> {
    const rows = await this.#database.read('series of study', (c) =>
      c.all<{ value: number }>(`SELECT ${columnOf(name)} AS value FROM study_hours WHERE study_id = ? ORDER BY hour`, id),
    );
    return rows.map(({ value }) => value);
  }
}

interface StudyRow {
  readonly id: string;
  readonly name: string;
  readonly state: 'computing' | 'done';
  readonly summary: string | null;
  readonly started_at: number;
  readonly finished_at: number | null;
}

function studyOf(row: StudyRow): StoredStudy {
  return {
    id: row.id,
    name: row.name,
    state: row.state,
    summary: row.summary === null ? null : (JSON.parse(row.summary) as StudySummary),
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}
