import { outboxMigrations } from '@hive/hive-bus';
import type { Migration } from '@hive/shared-db';
import { seriesNames } from '../study/study-series.ts';

/** The schema of the ecosystemiser's database, step by step. */
export const schema: readonly Migration[] = [
  {
    id: 1,
    name: 'components',
    sql: `CREATE TABLE components (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL CHECK (json_valid(body)), file TEXT NOT NULL
          ) STRICT;
          CREATE INDEX components_by_kind ON components (kind);`,
  },
  {
    id: 2,
    name: 'studies',
    sql: `CREATE TABLE studies (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, spec TEXT NOT NULL CHECK (json_valid(spec)),
            state TEXT NOT NULL CHECK (state IN ('computing', 'done')),
            summary TEXT CHECK (summary IS NULL OR json_valid(summary)),
            started_at INTEGER NOT NULL, finished_at INTEGER
          ) STRICT;
          CREATE TABLE study_hours (
            study_id TEXT NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
            hour INTEGER NOT NULL, start_ms INTEGER NOT NULL,
            ${seriesNames.map((name) => `${columnOf(name)} REAL NOT NULL`).join(', ')},
            PRIMARY KEY (study_id, hour)
          ) STRICT, WITHOUT ROWID;`,
  },
  ...outboxMigrations(3),
];

/** The column of a series: `pvToLoadKwh` is stored as `pv_to_load_kwh`. */
export function columnOf(series: string): string {
  return series.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
