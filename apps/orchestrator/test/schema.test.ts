import { isKind, openDatabaseService, sqlite, type Migration } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { orchestratorMigrations } from '../src/db/schema.ts';
import { NEXT_DUE } from '../src/tasks/task-table.ts';
import { platform } from './support/platform.ts';

describe('schema initialisation', () => {
  it('opening twice applies each step once', async () => {
    using directory = temporaryDirectory();
    const first = await schemaOf(directory.file('orchestrator.db'));
    const second = await schemaOf(directory.file('orchestrator.db'));
    expect(first.steps).toEqual(orchestratorMigrations.map(({ id, name }) => ({ id, name })));
    expect(second).toEqual(first);
    expect(first.tables).toEqual(expect.arrayContaining(['tasks', 'task_history', '_bus_outbox']));
  });

  it(
    'two processes that start together on an empty directory both serve, on one schema',
    { timeout: 90_000 },
    async () => {
      await using p = platform();
      const [one, two] = await Promise.all([p.serve(), p.serve()]);
      for (const { url } of [one, two]) expect((await fetch(`${url}/readyz`)).status).toBe(200);
      const migrated = [one, two].filter(({ stderr }) => /"database":"orchestrator".*schema migrated/.test(stderr()));
      expect(migrated).toHaveLength(1);
    },
  );

  it('a file from a newer version is refused, by name, and left as it is', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orchestrator.db');
    const later: Migration = { id: 99_999, name: 'of next year', sql: 'CREATE TABLE later (id INTEGER) STRICT' };
    const before = await schemaOf(path, [...orchestratorMigrations, later]);
    await expect(schemaOf(path)).rejects.toMatchObject({ code: 'HIVEDB_E_SCHEMA_NEWER' });
    expect(await schemaOf(path, [...orchestratorMigrations, later])).toEqual(before);
  });

  it('the tables refuse what cannot be', async () => {
    using directory = temporaryDirectory();
    await using service = await open(directory.file('orchestrator.db'));
    const columns =
      'id, kind, payload, state, priority, max_attempts, run_at, lease_until, worker, created_at, updated_at';
    const wrong = [
      "'a', 'echo', 'no json', 'queued', 0, 1, 0, NULL, NULL, 0, 0",
      "'a', 'echo', 'null', 'asleep', 0, 1, 0, NULL, NULL, 0, 0",
      "'a', 'echo', 'null', 'running', 0, 1, 0, NULL, 'w', 0, 0",
      "'a', 'echo', 'null', 'running', 0, 1, 0, 5, NULL, 0, 0",
      "'a', 'echo', 'null', 'queued', 0, 1, 0, 5, NULL, 0, 0",
      "'a', 'echo', 'null', 'queued', 0, 0, 0, NULL, NULL, 0, 0",
    ];
    const refused: string[] = [];
    for (const values of wrong) {
      const adding = service
        .database('orchestrator')
        .write('add', (tx) => tx.run(`INSERT INTO tasks (${columns}) VALUES (${values})`));
      await adding.catch((error: unknown) => isKind(error, 'CONSTRAINT') && refused.push(values));
    }
    expect(refused).toEqual(wrong);
  });

  it('the most urgent task is found through an index, without sorting', async () => {
    using directory = temporaryDirectory();
    await using service = await open(directory.file('orchestrator.db'));
    const plan = service
      .database('orchestrator')
      .readSync('plan', (c) => c.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${NEXT_DUE}`, '["echo"]', 0));
    const details = plan.map(({ detail }) => detail).join('\n');
    expect(details).toContain('USING INDEX tasks_due');
    expect(details).not.toContain('TEMP B-TREE FOR ORDER BY');
  });
});

function open(path: string, migrations: readonly Migration[] = orchestratorMigrations) {
  return openDatabaseService({
    app: 'test',
    presence: false,
    databases: { orchestrator: sqlite({ path, migrations, required: true }) },
  });
}

async function schemaOf(
  path: string,
  migrations?: readonly Migration[],
): Promise<{ readonly steps: unknown[]; readonly tables: unknown[] }> {
  await using service = await open(path, migrations);
  return service.database('orchestrator').readSync('schema', (c) => ({
    steps: c.all('SELECT id, name FROM _hive_migrations ORDER BY id').map((row) => ({ ...row })),
    tables: c.all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").map(({ name }) => name),
  }));
}
