import { join } from 'node:path';
import { openDirect } from '@hive/shared-db/direct';
import { columnOf, schema } from '../../src/db/schema.ts';
import type { StudyResult } from '../../src/study/run-study.ts';
import { seriesNames, type StudyHour } from '../../src/study/study-series.ts';

/** A study as anybody finds it who looks into the database with SQL. */
export interface StoredStudy {
  readonly name: string;
  readonly spec: unknown;
  readonly summary: unknown;
  readonly hours: readonly (StudyHour & { readonly hour: number; readonly startMs: number })[];
}

/** The studies in the database of a data directory, by id, with all their hours. */
export async function storedStudies(dataDirectory: string): Promise<ReadonlyMap<string, StoredStudy>> {
  const path = join(dataDirectory, 'ecosystemiser.db');
  await using database = await openDirect({ name: 'ecosystemiser', path, migrations: schema });
  const columns = seriesNames.map((name) => `${columnOf(name)} AS ${name}`).join(', ');
  return await database.read('stored studies', async (c) => {
    const studies = await c.all<{ id: string; name: string; spec: string; summary: string }>('SELECT * FROM studies');
    const entries = studies.map(async ({ id, name, spec, summary }): Promise<[string, StoredStudy]> => {
      const sql = `SELECT hour, start_ms AS startMs, ${columns} FROM study_hours WHERE study_id = ? ORDER BY hour`;
      const hours = await c.all<StoredStudy['hours'][number]>(sql, id);
      return [id, { name, spec: JSON.parse(spec), summary: JSON.parse(summary), hours }];
    });
    return new Map(await Promise.all(entries));
  });
}

/** What is stored of a study that was computed without a database in between. */
export function asStored({ spec, summary, series, startMs }: StudyResult): StoredStudy {
  const hours = Array.from({ length: summary.hours }, (_, hour) => {
    const values = Object.fromEntries(seriesNames.map((name) => [name, series[name][hour]])) as StudyHour;
    return { hour, startMs: startMs[hour]!, ...values };
  });
  return { name: spec.name, spec, summary, hours };
}
