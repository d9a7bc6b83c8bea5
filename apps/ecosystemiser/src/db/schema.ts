import { outboxMigrations } from '@hive/hive-bus';
import type { Migration } from '@hive/shared-db';
import type { SeriesName } from '../study/study-series.ts';

/**
 * The schema of the ecosystemiser's database, step by step. The columns of the series are written out: a step that was applied may
 * not change with the code, so a new series is a new step.
 */
export const schema: readonly Migration[] = Object.freeze([
  {
    id: 1,
    name: 'components',
    sql: `
      CREATE TABLE components (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        body TEXT NOT NULL CHECK (json_valid(body)),
        file TEXT NOT NULL -- of the library, for people
      ) STRICT;
      CREATE INDEX components_by_kind ON components (kind, id);`,
  },
  {
    id: 2,
    name: 'studies and their hours',
    // A study is there with everything that belongs to it, or not at all: there is no state between.
    sql: `
      CREATE TABLE studies (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        spec TEXT NOT NULL CHECK (json_valid(spec)),
        summary TEXT NOT NULL CHECK (json_valid(summary)),
        started_at INTEGER NOT NULL,
        finished_at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX studies_by_name ON studies (name, finished_at);

      CREATE TABLE study_hours (
        study_id TEXT NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
        hour INTEGER NOT NULL,
        start_ms INTEGER NOT NULL,
        outdoor_c REAL NOT NULL,
        electric_demand_kwh REAL NOT NULL,
        thermal_demand_kwh REAL NOT NULL,
        heat_pump_cop REAL NOT NULL,
        heat_pump_thermal_kwh REAL NOT NULL,
        heat_pump_electric_kwh REAL NOT NULL,
        backup_heater_kwh REAL NOT NULL,
        pv_kwh REAL NOT NULL,
        pv_to_load_kwh REAL NOT NULL,
        battery_charge_kwh REAL NOT NULL,
        battery_discharge_kwh REAL NOT NULL,
        battery_loss_kwh REAL NOT NULL,
        battery_stored_kwh REAL NOT NULL,
        import_kwh REAL NOT NULL,
        export_kwh REAL NOT NULL,
        curtailed_kwh REAL NOT NULL,
        import_cost REAL NOT NULL,
        export_revenue REAL NOT NULL,
        co2_kg REAL NOT NULL,
        PRIMARY KEY (study_id, hour)
      ) STRICT, WITHOUT ROWID;`,
  },
  // Far behind our own, so that those can go on.
  ...outboxMigrations(9001),
]);

/** The column of `study_hours` that holds a series: `pvToLoadKwh` is stored as `pv_to_load_kwh`. */
export function columnOf(series: SeriesName): string {
  return series.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
