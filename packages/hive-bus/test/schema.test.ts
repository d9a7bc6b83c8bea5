import { busMigrations, handledMigrations, outboxMigrations } from '@hive/hive-bus';
import { openDatabaseService, sqlite, type Migration } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { platform } from './support/platform.ts';

const appMigrations = [...outboxMigrations(9_001), ...handledMigrations(9_011)];

describe('schema initialisation', () => {
  it('opening twice applies each step once, of the bus and of an app that publishes', async () => {
    using directory = temporaryDirectory();
    const [app, bus] = [directory.file('app.db'), directory.file('bus.db')];
    for (const [path, migrations, tables] of [
      [bus, busMigrations, ['consumers', 'dead_events', 'events']],
      [app, appMigrations, ['_bus_handled', '_bus_outbox']],
    ] as const) {
      const first = await schemaOf(path, migrations);
      expect(first.steps).toEqual(migrations.map(({ id, name }) => ({ id, name })));
      expect(first.tables).toEqual(expect.arrayContaining([...tables]));
      expect(await schemaOf(path, migrations)).toEqual(first);
    }
  });

  it('a bus of a later version is refused by name and left as it is', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('bus.db');
    const later: Migration = { id: 2, name: 'of next year', sql: 'CREATE TABLE later (id INTEGER) STRICT' };
    const before = await schemaOf(path, [...busMigrations, later]);
    await expect(schemaOf(path, busMigrations)).rejects.toMatchObject({ code: 'HIVEDB_E_SCHEMA_NEWER' });
    expect(await schemaOf(path, [...busMigrations, later])).toEqual(before);
  });

  it('the tables refuse what cannot be: payloads that are no JSON, and an event twice', async () => {
    await using hive = await platform();
    const add = "INSERT INTO events (topic, source, key, payload, published_at) VALUES ('a', 'app', 'k', 'null', 0)";
    await hive.bus.write('add', (tx) => tx.run(add));
    for (const [database, sql] of [
      [hive.bus, add],
      [hive.bus, add.replace("'k', 'null'", "'l', 'no json'")],
      [hive.app, "INSERT INTO _bus_outbox (topic, key, payload, published_at) VALUES ('a', 'k', 'no json', 0)"],
      [hive.app, "INSERT INTO _bus_outbox (topic, key, payload, published_at) VALUES ('a', NULL, 'null', 0)"],
    ] as const)
      await expect(database.write('add', (tx) => tx.run(sql))).rejects.toMatchObject({
        code: 'HIVEDB_E_CONSTRAINT',
      });
  });
});

async function schemaOf(
  path: string,
  migrations: readonly Migration[],
): Promise<{ readonly steps: unknown[]; readonly tables: unknown[] }> {
  await using service = await openDatabaseService({
    app: 'test',
    presence: false,
    databases: { one: sqlite({ path, migrations, durability: 'normal', required: true }) },
  });
  return service.database('one').readSync('schema', (c) => ({
    steps: c.all('SELECT id, name FROM _hive_migrations ORDER BY id').map((row) => ({ ...row })),
    tables: c.all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").map(({ name }) => name),
  }));
}
